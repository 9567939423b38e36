//! Decodes many image files in parallel, on all cores.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::error::DataError;
use crate::memory::usable_memory;
use crate::readers::image_folder_error::ImageFolderError;
use crate::readers::picture::Picture;

/// The image whose shape all others must have.
#[derive(Debug)]
pub(crate) struct First {
    /// The file.
    pub(crate) path: PathBuf,
    /// `[C, H, W]`.
    pub(crate) shape: [usize; 3],
}

impl First {
    /// Reads the shape of the image at `path`.
    ///
    /// # Errors
    /// Those of [`Picture::read`].
    pub(crate) fn read(path: &Path) -> Result<Self, DataError> {
        Ok(Self { path: path.to_owned(), shape: Picture::read(path)?.shape })
    }
}

/// Returns the pixels of `files` as `[N, C, H, W]`, 0 to 255. `on_image` is called on this thread after each image.
///
/// # Errors
/// For several bad files, the error of the first one: [`ImageFolderError::Unequal`] and those of [`Picture::read`]; or
/// [`ImageFolderError::TooLarge`].
pub(crate) fn decode_all(
    files: &[PathBuf],
    first: &First,
    on_image: &mut dyn FnMut(),
) -> Result<Vec<u8>, DataError> {
    let bytes: usize = first.shape.iter().product();
    let mut pixels = Vec::new();
    let too_large = || ImageFolderError::TooLarge {
        folder: first.path.parent().unwrap_or(Path::new("")).to_owned(),
        images: files.len(),
        shape: first.shape,
    };
    // The allocator takes addresses before there is memory behind them.
    if usable_memory().is_some_and(|usable| (files.len() * bytes) as u64 > usable) {
        return Err(too_large().into());
    }
    pixels.try_reserve_exact(files.len() * bytes).map_err(|_| too_large())?;
    pixels.resize(files.len() * bytes, 0);

    let work = Mutex::new(files.iter().enumerate().zip(pixels.chunks_exact_mut(bytes)));
    let next = || work.lock().expect("taking an item does not panic").next();
    let stopped = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    let mut failure: Option<(usize, DataError)> = None;
    thread::scope(|scope| {
        let (send, results) = mpsc::channel();
        for _ in 0..threads {
            let (send, next, stopped) = (send.clone(), &next, &stopped);
            scope.spawn(move || {
                // Every file that was taken is decoded, because an earlier file may be bad, too.
                while !stopped.load(Ordering::Relaxed)
                    && let Some(((index, path), target)) = next()
                {
                    let result = decode(path, first, target);
                    send.send((index, result)).expect("the results are awaited to the last");
                }
            });
        }
        drop(send);
        for (index, result) in results {
            match result {
                Ok(()) => on_image(),
                // Files are taken in order, so every file before a bad one has been taken, and its result is received
                // here.
                Err(error) => {
                    stopped.store(true, Ordering::Relaxed);
                    if failure.as_ref().is_none_or(|(earliest, _)| index < *earliest) {
                        failure = Some((index, error));
                    }
                }
            }
        }
    });
    match failure {
        Some((_, error)) => Err(error),
        None => Ok(pixels),
    }
}

fn decode(path: &Path, first: &First, target: &mut [u8]) -> Result<(), DataError> {
    let picture = Picture::read(path)?;
    if picture.shape != first.shape {
        let (path, shape) = (path.to_owned(), picture.shape);
        let (first, first_shape) = (first.path.clone(), first.shape);
        return Err(ImageFolderError::Unequal { first, first_shape, path, shape }.into());
    }
    picture.write_planes(target);
    Ok(())
}
