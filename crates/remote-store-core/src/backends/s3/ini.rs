//! The files of AWS's command line: sections of `name = value`, with a second level by indentation.

use std::collections::BTreeMap;

/// Values by section and name; those of a second level under `outer.inner`.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Ini(BTreeMap<String, BTreeMap<String, String>>);

/// A line that is neither a section, a value nor a comment; counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine(pub(super) usize);

impl Ini {
    pub(super) fn parse(text: &str) -> Result<Self, BadLine> {
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut section: Option<String> = None;
        // The value that an indented line goes on.
        let mut outer: Option<String> = None;
        for (count, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let indented = line.starts_with([' ', '\t']);
            if !indented && let Some(rest) = content.strip_prefix('[') {
                let (name, _) = rest.split_once(']').ok_or(BadLine(count + 1))?;
                let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
                sections.entry(name.clone()).or_default();
                (section, outer) = (Some(name), None);
                continue;
            }
            let values = section.as_ref().and_then(|name| sections.get_mut(name));
            let values = values.ok_or(BadLine(count + 1))?;
            let (name, value) = match content.split_once('=') {
                Some((name, value)) => (name.trim().to_ascii_lowercase(), without_comment(value)),
                // The further lines of a long value are of no use to us.
                None if indented && outer.is_some() => continue,
                None => return Err(BadLine(count + 1)),
            };
            match &outer {
                Some(outer) if indented => {
                    values.insert(format!("{outer}.{name}"), value);
                }
                _ => {
                    outer = Some(name.clone());
                    values.insert(name, value);
                }
            }
        }
        Ok(Self(sections))
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, section: &str, name: &str) -> Option<&str> {
        let value = self.0.get(section)?.get(name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    pub(super) fn has(&self, section: &str) -> bool {
        self.0.contains_key(section)
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A `#` or `;` after a space begins a comment; one inside a value does not.
fn without_comment(value: &str) -> String {
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min();
    let value = end.and_then(|end| value.get(..end)).unwrap_or(value);
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_values_comments_and_the_second_level_are_read() {
        let text = "# mine\n[default]\nregion = eu-west-1 # near\naws_secret_access_key=a#b=c\n\n\
                    [profile  dev]\r\nrole_arn = arn\r\ns3 =\r\n  endpoint_url = http://h\r\n  x=1\nregion=us\n";
        let ini = Ini::parse(text).unwrap();
        assert_eq!(ini.get("default", "region"), Some("eu-west-1"));
        assert_eq!(ini.get("default", "aws_secret_access_key"), Some("a#b=c"));
        assert_eq!(ini.get("profile dev", "s3.endpoint_url"), Some("http://h"));
        assert_eq!(ini.get("profile dev", "region"), Some("us"));
        assert_eq!(ini.get("profile dev", "s3"), None);
        assert!(ini.has("profile dev") && !ini.has("dev"));
    }

    #[test]
    fn a_line_that_says_nothing_is_counted() {
        let bad = |text: &str| Ini::parse(text).err();
        assert_eq!(bad("[default]\nnonsense\n"), Some(BadLine(2)));
        assert_eq!(bad("a = b\n"), Some(BadLine(1)));
        assert_eq!(bad("\n[default\n"), Some(BadLine(2)));
    }
}
