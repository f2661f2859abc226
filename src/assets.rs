//! The web app inside the binary, and the hash that names this build of it.

use ring::digest::{Context, SHA256};
use rust_embed::RustEmbed;

/// Every file of `web/` that is served.
#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "*.test.js"]
#[exclude = "*.md"]
#[exclude = "tsconfig.json"]
#[exclude = "package.json"]
#[exclude = "*.d.ts"]
pub struct Assets;

/// A short hash over all names and contents: the folder `/a/<hash>/` changes
/// whenever one byte does, so what is below it never goes stale.
pub fn build_hash() -> String {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let mut context = Context::new(&SHA256);
    for name in names {
        if let Some(file) = Assets::get(&name) {
            context.update(name.as_bytes());
            context.update(&[0]);
            context.update(&file.metadata.sha256_hash());
        }
    }
    context
        .finish()
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
