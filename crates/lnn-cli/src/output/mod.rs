//! Terminal output: results on standard output, messages and progress on standard error.

mod json_lines;
mod messages;
mod progress;
mod standard_output;
mod terminal;
mod writable;

pub use json_lines::JsonLines;
pub use messages::{report_as, say, say_error};
pub use progress::{Progress, data_help, opened, opened_for_test, progress_bar, with_bar};
pub use standard_output::{print_line, print_lines, print_text};
pub use terminal::Terminal;
pub use writable::check_writable;
