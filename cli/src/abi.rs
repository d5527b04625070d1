//! `shoal abi`: every number of the interface.

use clap::{Args, ValueEnum};

use super::{CliError, OK};
use shoal::{abi_c, abi_doc};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Markdown
    Md,
    /// JSON
    Json,
    /// C header
    C,
}

#[derive(Debug, Args)]
pub(super) struct AbiArgs {
    /// Form of the text
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
}

pub(super) fn main(args: AbiArgs) -> Result<u8, CliError> {
    let text = match args.format {
        Format::Md => abi_doc::markdown(),
        Format::Json => {
            serde_json::to_string_pretty(&abi_doc::json()).map_err(CliError::failed)? + "\n"
        }
        Format::C => abi_c::header(),
    };
    super::output::write_whole("-".as_ref(), text.as_bytes())?;
    Ok(OK)
}
