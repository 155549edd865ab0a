//! `danube-wasm explain CODE`: the page of an error code.

use danube_wasm_codes::Code;

use crate::{args, exit::Failure};

/// Prints the page, or all codes.
pub(crate) fn explain(args: &args::Explain) -> Result<(), Failure> {
    let Some(text) = &args.code else {
        print!("{}", list());
        return Ok(());
    };
    let code: Code = text
        .parse()
        .map_err(|_| Failure::usage(format!("`{text}` is not a code: `danube-wasm explain` lists them")))?;
    print!("{}", code.page());
    Ok(())
}

fn list() -> String {
    let mut text = String::new();
    for (part, heading) in Code::PARTS {
        text.push_str(&format!("{heading}\n"));
        for code in Code::ALL.iter().filter(|code| code.part() == *part) {
            text.push_str(&format!("  {code}  {}\n", code.title()));
        }
    }
    text
}
