//! Finds a file in a Python package index by its "simple" pages, the part of an index that every mirror provides.

use crate::error::DataError;
use crate::fetch::download::{Client, without_password};

const DEFAULT_INDEX: &str = "https://pypi.org/simple/";

/// Returns the address of `file` of `project` in the index that `PIP_INDEX_URL` specifies, otherwise in the public one.
///
/// # Errors
/// [`DataError::NotInIndex`] if the project's page does not link to the file, and those of [`Client::page`].
pub(crate) fn file_url(client: &Client, project: &str, file: &str) -> Result<String, DataError> {
    let index = std::env::var("PIP_INDEX_URL").ok().filter(|index| !index.trim().is_empty());
    let index = index.as_deref().unwrap_or(DEFAULT_INDEX).trim();
    let page = format!("{}/{project}/", index.trim_end_matches('/'));
    let html = client.page(&page)?;
    find_link(&html, &page, file)
        .ok_or_else(|| DataError::NotInIndex { page: without_password(&page), file: file.to_owned() })
}

/// Returns the address in the first `href` on the page whose last path segment is `file`.
fn find_link(html: &str, page: &str, file: &str) -> Option<String> {
    let links = html.split("href=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    let mut targets = links.map(|link| link.replace("&amp;", "&"));
    let wanted = |target: &String| {
        let path = target.split(['#', '?']).next().unwrap_or_default();
        path.rsplit('/').next() == Some(file)
    };
    let target = targets.find(wanted)?;
    resolve(page, target.split('#').next().unwrap_or_default())
}

/// Resolves `link` against `page`, an absolute address that ends in `/` (RFC 3986 §5.2, the forms that occur).
fn resolve(page: &str, link: &str) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") {
        return Some(link.to_owned());
    }
    let (scheme, rest) = page.split_once("://")?;
    if let Some(rest) = link.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    let (host, folder) = rest.split_once('/')?;
    if link.starts_with('/') {
        return Some(format!("{scheme}://{host}{link}"));
    }
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in link.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    Some(format!("{scheme}://{host}/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://index.example/root/simple/thing/";

    #[test]
    fn the_link_to_the_file_is_found_among_others() {
        let html = "<a href=\"https://files.example/a/thing-1.0.tar.gz#sha256=00\">thing-1.0.tar.gz</a>\n\
                    <a data-x=1 href='https://files.example/b/thing-1.0-py3.whl?a=1&amp;b=2#sha256=11'>thing</a>";
        let link = find_link(html, PAGE, "thing-1.0-py3.whl");
        assert_eq!(link.unwrap(), "https://files.example/b/thing-1.0-py3.whl?a=1&b=2");
        assert_eq!(find_link(html, PAGE, "thing-1.1-py3.whl"), None);
        assert_eq!(find_link("<html>no links", PAGE, "thing-1.1-py3.whl"), None);
    }

    #[test]
    fn relative_links_are_resolved_as_a_browser_does() {
        for (link, expected) in [
            ("thing.whl", "https://index.example/root/simple/thing/thing.whl"),
            ("../../packages/thing.whl", "https://index.example/root/packages/thing.whl"),
            ("/packages/thing.whl", "https://index.example/packages/thing.whl"),
            ("//files.example/thing.whl", "https://files.example/thing.whl"),
        ] {
            assert_eq!(find_link(&format!("<a href=\"{link}\">"), PAGE, "thing.whl").unwrap(), expected);
        }
    }
}
