//! The little XML that S3 needs: text escaped going out, elements picked coming in.

/// Escapes text for an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// The texts of all elements of one name, in order, whatever they are nested in.
pub(crate) fn texts(document: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    document
        .split(open.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once(close.as_str()))
        .map(|(text, _)| unescape(text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{escape, texts};

    #[test]
    fn what_was_escaped_is_picked_again() {
        let document = format!(
            "<Delete><Object><Key>{}</Key></Object></Delete>",
            escape("a&<b>\"c")
        );
        assert_eq!(texts(&document, "Key"), ["a&<b>\"c"]);
    }
}
