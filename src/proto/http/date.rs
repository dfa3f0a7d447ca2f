//! HTTP-date (RFC 9110 §5.6.7), as whole seconds since 1970. Written in one form, read in three.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: u64 = 86_400;

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub fn format(unix_secs: u64) -> String {
    let (days, secs) = (unix_secs / DAY, unix_secs % DAY);
    let (year, month, day) = civil(days);
    let weekday = DAYS[(days % 7) as usize];
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    format!("{weekday}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", MONTHS[month as usize - 1])
}

/// The time in any of the three forms; `None` for what is none or lies before 1970. A year of two
/// digits is the one that is not more than 50 years after `now`.
pub fn parse(text: &str, now: u64) -> Option<u64> {
    let words: Vec<&str> = text.trim_ascii().split_ascii_whitespace().collect();
    let (day, month, year, time) = match *words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [name, day, month, year, time, "GMT"] if name.len() == 4 && name.ends_with(',') => {
            (digits(day, 2)?, month, digits(year, 4)?, time)
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        [name, date, time, "GMT"] if name.ends_with("day,") => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            (digits(day, 2)?, month, full_year(digits(year, 2)?, now), time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (digits(day, day.len().clamp(1, 2))?, month, digits(year, 4)?, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|m| *m == month)? as u64 + 1;
    let mut parts = time.split(':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    // A leap second is read as the one after.
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

fn digits(text: &str, count: usize) -> Option<u64> {
    let good = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

fn full_year(two: u64, now: u64) -> u64 {
    let this = civil(now / DAY).0;
    let year = this / 100 * 100 + two;
    if year > this + 50 {
        year - 100
    } else if year + 50 <= this {
        year + 100
    } else {
        year
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_days(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first day of 1970 to the first day of a year.
fn year_days(year: u64) -> u64 {
    let before = year - 1;
    let leaps = |y: u64| y / 4 - y / 100 + y / 400;
    (year - 1970) * 365 + leaps(before) - leaps(1969)
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || day == 0 || day > month_days(year, month) {
        return None;
    }
    Some(year_days(year) + (1..month).map(|m| month_days(year, m)).sum::<u64>() + day - 1)
}

/// Year, month and day of a day since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // No year is shorter than 365 days, so this guess is never too early; it is a little too late.
    let mut year = 1970 + days / 365;
    while year_days(year) > days {
        year -= 1;
    }
    let (mut left, mut month) = (days - year_days(year), 1);
    while left >= month_days(year, month) {
        left -= month_days(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: u64 = 784_111_777;

    #[test]
    fn http_27_one_form_written_and_three_read() {
        assert_eq!(format(RFC), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse(text, RFC), Some(RFC), "{text}");
            assert_eq!(parse(text, 946_684_800 * 2), Some(RFC), "{text}, seen from 2029");
        }
        assert_eq!(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        for days in (0..80_000).step_by(13) {
            let secs = days * DAY + days % DAY;
            assert_eq!(parse(&format(secs), 0), Some(secs));
        }
    }

    #[test]
    fn http_27_what_is_no_date() {
        for bad in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "yesterday",
            "Sun Nov x6 08:49:37 1994",
        ] {
            assert_eq!(parse(bad, RFC), None, "{bad}");
        }
        // More than 50 years ahead of 1994 is the century before.
        assert_eq!(parse("Monday, 06-Nov-45 08:49:37 GMT", RFC), None, "1945");
        assert_eq!(parse("Sunday, 06-Nov-44 08:49:37 GMT", RFC).map(|t| civil(t / DAY).0), Some(2044));
    }
}
