//! Figures as files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};

use super::PLOTS;
use super::canvas::{DrawError, Picture};
use super::figure::Figure;
use crate::report::read::RunData;

/// SVG is drawn this many times as large as it says it is.
const SVG_SCALE: u32 = 10;
/// PNG is drawn this many times as large as a figure, ...
const PNG_SCALE: u32 = 4;
/// ... and each square of this many pixels becomes one: 1920 x 1080 in all.
const PNG_BOX: u32 = 2;

/// A plot that was drawn.
pub struct Drawn {
    /// Its name: `cwnd`.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    figure: Figure,
    /// The text of the SVG file.
    pub svg: String,
}

/// Draws every plot that `runs` have data for.
pub fn pictures(runs: &[RunData]) -> Result<Vec<Drawn>, DrawError> {
    let figures = PLOTS.entries.iter().filter_map(|entry| Some((entry, (entry.build)(runs)?)));
    figures.map(|(e, figure)| Ok(Drawn { name: e.name, about: e.about, svg: svg(&figure)?, figure })).collect()
}

/// Writes plots into `dir` as SVG. Returns the files written.
pub fn write_svg(pictures: &[Drawn], dir: &Path) -> Result<Vec<PathBuf>, DrawError> {
    fs::create_dir_all(dir).map_err(|why| refused(dir, why))?;
    pictures.iter().map(|picture| file(dir, picture.name, "svg", picture.svg.as_bytes())).collect()
}

/// Draws every plot that `runs` have data for into `dir`, as SVG and, if asked, PNG. Returns the
/// files written.
pub fn write_plots(runs: &[RunData], dir: &Path, with_png: bool) -> Result<Vec<PathBuf>, DrawError> {
    let pictures = pictures(runs)?;
    let mut written = write_svg(&pictures, dir)?;
    for picture in pictures.iter().filter(|_| with_png) {
        written.push(file(dir, picture.name, "png", &png(&picture.figure)?)?);
    }
    Ok(written)
}

fn file(dir: &Path, name: &str, ending: &str, contents: &[u8]) -> Result<PathBuf, DrawError> {
    let path = dir.join(format!("{name}.{ending}"));
    fs::write(&path, contents).map_err(|why| refused(&path, why))?;
    Ok(path)
}

fn refused(path: &Path, why: io::Error) -> DrawError {
    DrawError(format!("{}: {why}", path.display()))
}

/// Reads run folders and draws their plots into `out`, or into `plots` of the first.
///
/// # Errors
/// One line that names the file.
pub fn redraw(folders: &[PathBuf], with_png: bool, out: Option<&Path>) -> Result<Vec<PathBuf>, String> {
    let runs: Vec<RunData> =
        folders.iter().map(|dir| RunData::read(dir)).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let dir = match (out, folders.first()) {
        (Some(out), _) => out.to_owned(),
        (None, Some(first)) => first.join("plots"),
        (None, None) => return Err("no run folder was named".to_owned()),
    };
    write_plots(&runs, &dir, with_png).map_err(|e| e.to_string())
}

/// The picture as the text of an SVG file.
pub fn svg(picture: &impl Picture) -> Result<String, DrawError> {
    let mut text = String::new();
    let size = picture.size();
    let (width, height) = (size.0 * SVG_SCALE, size.1 * SVG_SCALE);
    {
        let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        picture.draw(&root, SVG_SCALE as i32, false)?;
    }
    // The view box keeps the large drawing; only the size that the file asks for is the real one.
    let large = format!("width=\"{width}\" height=\"{height}\"");
    Ok(text.replacen(&large, &format!("width=\"{}\" height=\"{}\"", size.0, size.1), 1))
}

/// The picture as the bytes of a PNG file.
pub fn png(picture: &impl Picture) -> Result<Vec<u8>, DrawError> {
    let size = picture.size();
    let (width, height) = (size.0 * PNG_SCALE, size.1 * PNG_SCALE);
    let mut large = vec![0; width as usize * height as usize * 3];
    {
        let root = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
        picture.draw(&root, PNG_SCALE as i32, true)?;
    }
    let small = shrink(&large, width as usize, PNG_BOX as usize);
    let failed = |why: png::EncodingError| DrawError(why.to_string());
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width / PNG_BOX, height / PNG_BOX);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&small).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// Averages each square of `side` x `side` RGB pixels.
fn shrink(pixels: &[u8], width: usize, side: usize) -> Vec<u8> {
    let area = (side * side) as u32;
    let mut out = Vec::with_capacity(pixels.len() / (side * side));
    for rows in pixels.chunks_exact(width * 3 * side) {
        for column in 0..width / side {
            for channel in 0..3 {
                let at = |x: usize, y: usize| u32::from(rows[(y * width + column * side + x) * 3 + channel]);
                let sum: u32 = (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| at(x, y)).sum();
                out.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::figure::{Line, Marks, Shape};

    fn figure() -> Figure {
        // A sawtooth such as Reno's, with a timeout.
        let mut points = Vec::new();
        let (mut marks, mut timeouts) = (Vec::new(), Vec::new());
        let mut y = 14.0;
        for i in 0..600 {
            let x = f64::from(i) / 60.0;
            if y > 90.0 {
                marks.push((x, y));
                y /= 2.0;
            } else if i == 420 {
                timeouts.push((x, y));
                y = 1.4;
            }
            points.push((x, y));
            y += if i < 40 { y * 0.04 } else { 0.6 };
        }
        let line = |colour: usize, label: &str, factor: f64| Line {
            label: Some(label.to_owned()),
            colour: Some(colour),
            dashed: false,
            points: points.iter().map(|(x, y)| (*x, y * factor)).collect(),
        };
        Figure {
            title: "Congestion window".to_owned(),
            subtitle: "sawtooth, seed 7".to_owned(),
            y_label: "cwnd (kB)".to_owned(),
            lines: vec![
                line(0, "phone->mp4-storage#2", 1.0),
                line(1, "bulk[1]", 0.7),
                Line {
                    label: Some("ssthresh".to_owned()),
                    colour: Some(0),
                    dashed: true,
                    points: vec![(1.0, 45.0), (10.0, 45.0)],
                },
            ],
            marks: vec![
                Marks { label: "loss found".to_owned(), shape: Shape::Cross, points: marks },
                Marks { label: "retransmission timeout".to_owned(), shape: Shape::Triangle, points: timeouts },
            ],
            crowd: None,
        }
    }

    #[test]
    fn svg_is_drawn_alike_twice_and_says_its_real_size() {
        let text = svg(&figure()).unwrap();
        assert_eq!(text, svg(&figure()).unwrap());
        assert!(text.contains("width=\"960\" height=\"540\" viewBox=\"0 0 9600 5400\""));
        assert!(text.contains("cwnd (kB)") && text.contains("time (s)"));
    }

    #[test]
    fn a_crowd_is_drawn_as_areas_and_named() {
        let mut many = figure();
        let grey =
            |i: u32| Line { label: None, colour: None, dashed: false, points: vec![(0.0, f64::from(i)), (10.0, 1.0)] };
        many.lines.extend((0..60).map(grey));
        let (lines, crowd) = (svg(&many).unwrap(), svg(&many.gathered()).unwrap());
        assert!(!lines.contains("and 60 more"));
        assert_eq!(crowd.matches("<polygon").count(), figure_polygons() + 2);
        for word in ["and 60 more", "middle half", "median"] {
            assert!(crowd.contains(word), "{word}");
        }
    }

    /// Markers are polygons, too.
    fn figure_polygons() -> usize {
        svg(&figure()).unwrap().matches("<polygon").count()
    }

    #[test]
    fn png_has_twice_the_size() {
        let bytes = png(&figure()).unwrap();
        let reader = png::Decoder::new(io::Cursor::new(&bytes)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (1920, 1080));
    }

    #[test]
    fn shrinking_averages() {
        let pixels: Vec<u8> = [0, 100, 200, 100].iter().flat_map(|v| [*v, 0, 255]).collect();
        assert_eq!(shrink(&pixels, 2, 2), [100, 0, 255]);
    }
}
