//! Lists of names, where a name with a comma or a plus stands in quotes.

/// Splits `text` at `separator`, except within single or double quotes. A quote opens only at the beginning of a name.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut before) = (Vec::new(), 0, None, separator);
    for (place, sign) in text.char_indices() {
        match quote {
            Some(open) if sign == open => quote = None,
            None if sign == separator => {
                parts.push(&text[start..place]);
                start = place + sign.len_utf8();
            }
            None if (sign == '"' || sign == '\'') && [separator, '=', '+', ','].contains(&before) => {
                quote = Some(sign);
            }
            Some(_) | None => {}
        }
        before = sign;
    }
    parts.push(&text[start..]);
    parts
}

/// The names of a list with a plus between them.
pub(super) fn names(list: &str) -> Vec<String> {
    split(list, '+').into_iter().map(unquoted).collect()
}

/// A name without its quotes.
pub(super) fn unquoted(name: &str) -> String {
    let name = name.trim();
    let within = ['"', '\''].into_iter().find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote));
    within.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_within_quotes_do_not_separate() {
        assert_eq!(names("a+b"), ["a", "b"]);
        assert_eq!(names("\"day+night\"+'load, kW'"), ["day+night", "load, kW"]);
        assert_eq!(split("x,target=\"a,b\"+c,window=3", ','), ["x", "target=\"a,b\"+c", "window=3"]);
        // An apostrophe within a name is a sign as any other.
        assert_eq!(names("today's+b"), ["today's", "b"]);
        assert_eq!(split("", ','), [""]);
    }
}
