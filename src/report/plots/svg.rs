//! Pictures as text. The plotting library has this too, letter for letter the same, but formats each
//! number by itself: of a thousand flows the pictures took longer than their run.

use std::fmt::Arguments;
use std::io::{self, Write};

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use crate::observe::ascii::{LONGEST, ROOM, Row};

type Done = Result<(), DrawingErrorKind<io::Error>>;

/// Draws into the text of an SVG file.
pub(super) struct Svg<'t> {
    text: &'t mut Vec<u8>,
    size: (u32, u32),
    room: Box<[u8; ROOM]>,
}

/// The longest point is `-2147483648,-2147483648 `.
const POINT: usize = 24;

impl<'t> Svg<'t> {
    /// A drawing of this size that is shown in another one. Its end is written by [`Svg::END`].
    pub(super) fn begin(text: &'t mut Vec<u8>, size: (u32, u32), shown: (u32, u32)) -> io::Result<Self> {
        let ((width, height), (shown_width, shown_height)) = (size, shown);
        writeln!(
            text,
            "<svg width=\"{shown_width}\" height=\"{shown_height}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\">"
        )?;
        Ok(Svg { text, size, room: Box::new([0; ROOM]) })
    }

    /// What the file ends with.
    pub(super) const END: &'static [u8] = b"</svg>\n";

    fn say(&mut self, what: Arguments<'_>) -> Done {
        self.text.write_fmt(what).map_err(DrawingErrorKind::DrawingError)
    }

    /// ` points="1,2 3,4 "/>`
    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) -> Done {
        self.text.extend_from_slice(b" points=\"");
        let mut row = Row::new(&mut self.room);
        for (x, y) in points {
            if row.length() + POINT >= LONGEST {
                let length = row.length();
                self.text.extend_from_slice(&self.room[..length]);
                row = Row::new(&mut self.room);
            }
            for (number, behind) in [(x, b','), (y, b' ')] {
                if number < 0 {
                    row.byte(b'-');
                }
                row.number(u64::from(number.unsigned_abs()));
                row.byte(behind);
            }
        }
        let length = row.length();
        self.text.extend_from_slice(&self.room[..length]);
        self.text.extend_from_slice(b"\"/>\n");
        Ok(())
    }
}

fn hex(color: BackendColor) -> String {
    let (r, g, b) = color.rgb;
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// What is filled, and what is stroked.
fn inks(color: BackendColor, fill: bool) -> (String, String) {
    let none = "none".to_owned();
    if fill { (hex(color), none) } else { (none, hex(color)) }
}

/// Text as it must stand in XML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }
    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }
    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Done {
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, fill) = (color.alpha, hex(color));
        self.say(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" stroke=\"none\" opacity=\"{alpha}\" fill=\"{fill}\"/>\n"
        ))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        let (color, width) = (style.color(), style.stroke_width());
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, stroke, (x1, y1), (x2, y2)) = (color.alpha, hex(color), from, to);
        self.say(format_args!(
            "<line opacity=\"{alpha}\" stroke=\"{stroke}\" stroke-width=\"{width}\" \
             x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n"
        ))
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Done {
        let color = style.color();
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, (fill, stroke), (x, y)) = (color.alpha, inks(color, fill), from);
        let (width, height) = (to.0 - x, to.1 - y);
        self.say(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" opacity=\"{alpha}\" fill=\"{fill}\" \
             stroke=\"{stroke}\"/>\n"
        ))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        let (color, width) = (style.color(), style.stroke_width());
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, stroke) = (color.alpha, hex(color));
        self.say(format_args!(
            "<polyline fill=\"none\" opacity=\"{alpha}\" stroke=\"{stroke}\" stroke-width=\"{width}\""
        ))?;
        self.points(path)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        let color = style.color();
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, fill) = (color.alpha, hex(color));
        self.say(format_args!("<polygon opacity=\"{alpha}\" fill=\"{fill}\""))?;
        self.points(path)
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, r: u32, style: &S, fill: bool) -> Done {
        let (color, width) = (style.color(), style.stroke_width());
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (alpha, (fill, stroke)) = (color.alpha, inks(color, fill));
        self.say(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" opacity=\"{alpha}\" fill=\"{fill}\" stroke=\"{stroke}\" \
             stroke-width=\"{width}\"/>\n"
        ))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Done {
        let color = style.color();
        if color.alpha == 0.0 {
            return Ok(());
        }
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Right => "end",
            HPos::Center => "middle",
        };
        let dy = match style.anchor().v_pos {
            VPos::Top => "0.76em",
            VPos::Center => "0.5ex",
            VPos::Bottom => "-0.5ex",
        };
        // The library's sizes are those of a font's box.
        let (family, size, alpha, fill) = (style.family(), style.size() / 1.24, color.alpha, hex(color));
        self.say(format_args!(
            "<text x=\"{x}\" y=\"{y}\" dy=\"{dy}\" text-anchor=\"{anchor}\" font-family=\"{}\" font-size=\"{size}\" \
             opacity=\"{alpha}\" fill=\"{fill}\"",
            escaped(family.as_str())
        ))?;
        match style.style() {
            FontStyle::Normal => {}
            FontStyle::Bold => self.say(format_args!(" font-weight=\"bold\""))?,
            other => self.say(format_args!(" font-style=\"{}\"", other.as_str()))?,
        }
        let degrees = match style.transform() {
            FontTransform::None => 0,
            FontTransform::Rotate90 => 90,
            FontTransform::Rotate180 => 180,
            FontTransform::Rotate270 => 270,
        };
        if degrees > 0 {
            self.say(format_args!(" transform=\"rotate({degrees}, {x}, {y})\""))?;
        }
        self.say(format_args!(">\n{}\n</text>\n", escaped(text)))
    }
}
