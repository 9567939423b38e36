//! Downloads from a local server that responds correctly or incorrectly.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::known::cache::Cache;

/// A local server; its thread ends with the test process.
pub(crate) struct Server {
    /// `http://…/`
    pub(crate) url: String,
}

impl Server {
    /// Starts a server that answers each request for a path with what `respond` writes.
    pub(crate) fn new(respond: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                respond(request.split(' ').nth(1).unwrap(), &mut stream);
            }
        });
        Self { url }
    }

    /// Starts a server that answers with `files`, by path, or 404.
    pub(crate) fn with_files(files: Vec<(String, Vec<u8>)>) -> Self {
        Self::new(move |path, stream| match files.iter().find(|(name, _)| name == path) {
            Some((_, content)) => answer(stream, content.len(), content),
            None => {
                let _ = stream
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        })
    }
}

/// Announces `length` bytes and sends `body`. The client may close the connection early, which is not a failure of the
/// server.
fn answer(stream: &mut TcpStream, length: usize, body: &[u8]) {
    let header = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(header.as_bytes()).and_then(|()| stream.write_all(body));
}

const CONTENT: &[u8] = b"sixteen bytes ok";
const SUM: &str = "1c6c6e1a8c9b7a4e0d2f0d9d0a5d7c8b3a0e2f4d6c8b9a7e5f3d1c0b2a4e6f80";

fn fetch(server: &Server, expected: Expected<'_>) -> (Result<Vec<u8>, DataError>, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let folder = Cache::at(root.path()).lock("set", |_| ()).unwrap();
    let client = Client::new(Duration::from_secs(5), Duration::from_millis(300));
    let url = format!("{}file", server.url);
    let result = client.download(&url, &folder, expected, &mut |_, _| ());
    let content = result.map(|file| std::fs::read(file.path()).unwrap());
    (content, leftovers(folder.path()))
}

fn leftovers(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name != ".lock").collect()
}

fn any() -> Expected<'static> {
    Expected { most_bytes: 1000, sha256: None }
}

#[test]
fn a_good_download_arrives_whole() {
    let server = Server::new(|_, stream| answer(stream, CONTENT.len(), CONTENT));
    let sum = format!("{:x}", Sha256::digest(CONTENT));
    let (content, _) = fetch(&server, Expected { most_bytes: 1000, sha256: Some(&sum) });
    assert_eq!(content.unwrap(), CONTENT);
}

#[test]
fn a_connection_closed_in_the_middle_is_an_error_and_leaves_nothing_behind() {
    let server = Server::new(|_, stream| answer(stream, CONTENT.len(), &CONTENT[..7]));
    let (content, leftovers) = fetch(&server, any());
    let error = content.unwrap_err();
    assert!(matches!(error, DataError::Interrupted { received: 7, expected: Some(16), .. }), "{error}");
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn a_server_that_stops_sending_is_given_up() {
    let server = Server::new(|_, stream| {
        answer(stream, CONTENT.len(), &CONTENT[..7]);
        std::thread::sleep(Duration::from_secs(3));
    });
    let start = Instant::now();
    let (content, leftovers) = fetch(&server, any());
    assert!(matches!(content, Err(DataError::Interrupted { received: 7, .. })), "{content:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn other_content_than_expected_is_refused_and_leaves_nothing_behind() {
    let server = Server::new(|_, stream| answer(stream, CONTENT.len(), CONTENT));
    let (content, leftovers) = fetch(&server, Expected { most_bytes: 1000, sha256: Some(SUM) });
    let error = content.unwrap_err();
    assert!(matches!(&error, DataError::ChecksumMismatch { expected, .. } if expected == SUM), "{error}");
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn a_server_that_sends_without_end_is_cut_off() {
    let server = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let (content, _) = fetch(&server, any());
    assert!(matches!(content, Err(DataError::TooLong { limit: 1000, .. })), "{content:?}");
}

#[test]
fn an_error_status_and_a_closed_port_are_errors_with_the_address() {
    let (content, _) = fetch(&Server::with_files(Vec::new()), any());
    assert!(content.unwrap_err().to_string().contains("status 404"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (content, _) = fetch(&Server { url: format!("http://{port}/") }, any());
    assert!(matches!(content, Err(DataError::Http { ref url, .. }) if url.contains(&port.to_string())));
}

#[test]
fn passwords_stay_out_of_messages() {
    assert_eq!(without_password("https://me:secret@example.org/a@b"), "https://example.org/a@b");
    assert_eq!(without_password("https://example.org/a@b"), "https://example.org/a@b");
}
