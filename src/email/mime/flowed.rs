//! Paragraphs of a flowed text, put together again.
//!
//! Standard: RFC 3676 4 (soft line ends, space-stuffing, quote depth, signature line). In: text in lines parted by LF. Out: the same, flowed together.
//! Left out: quoting again when a line would grow too long: the paper wraps. Shown by: the tests here.

/// Joins what was broken softly; `delsp` says that the space at a soft end was put there.
pub(super) fn joined(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = &line[depth..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        let goes_on = open == Some(depth) && content != "-- ";
        if !goes_on {
            if open.is_some() || !out.is_empty() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        let soft = content.ends_with(' ') && content != "-- ";
        out.push_str(if soft && delsp { &content[..content.len() - 1] } else { content });
        // `Some` also after a hard end, so that an empty first line is kept.
        open = Some(if soft { depth } else { usize::MAX });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_ends_join_and_hard_ends_stay() {
        assert_eq!(
            joined("One \ntwo \nthree.\n\n From here\n>> deep \n>> er\n> less\n-- \nme", false),
            "One two three.\n\nFrom here\n>> deep er\n> less\n-- \nme"
        );
        assert_eq!(joined("日本 \n語", true), "日本語");
        assert_eq!(joined("\na", false), "\na");
        assert_eq!(joined("", false), "");
        assert_eq!(joined("a \n> b", false), "a \n> b");
    }
}
