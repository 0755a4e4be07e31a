//! Where the code of a function is on this machine.

use std::path::{Path, PathBuf};

use crate::emulator::template::document::Node;
use crate::emulator::template::functions::function::Code;
use crate::emulator::template::functions::refusal::CodeRefusal;
use crate::emulator::template::resolver::Resolver;

/// Where `sam build` puts what it has built.
const BUILT: &str = ".aws-sam/build";

/// The folder of the code: what `sam build` has built, what CDK has put aside, or what the template names.
pub(super) fn code(
    resolver: &mut Resolver<'_>,
    logical_id: &str,
    resource: &Node,
    properties: &Node,
) -> Result<Code, CodeRefusal> {
    let built = resolver.folder().join(BUILT).join(logical_id);
    if built.is_dir() {
        return Ok(Code::Built(absolute(&built)));
    }
    if let Some(text) = inline(resolver, properties) {
        return Ok(Code::Inline(text));
    }
    let asset = resource.get("Metadata").and_then(|metadata| metadata.get("aws:asset:path"));
    let path = match asset.and_then(Node::text) {
        Some(asset) => asset.into_owned(),
        None => uri(resolver, properties)?,
    };
    let folder = resolver.folder().join(&path);
    if folder.is_dir() {
        Ok(Code::Folder(absolute(&folder)))
    } else {
        Err(CodeRefusal::NoFolder { path })
    }
}

fn inline(resolver: &mut Resolver<'_>, properties: &Node) -> Option<String> {
    let of_sam = resolver.text(properties, "InlineCode");
    of_sam.or_else(|| resolver.text(properties.get("Code")?, "ZipFile"))
}

fn uri(resolver: &mut Resolver<'_>, properties: &Node) -> Result<String, CodeRefusal> {
    if properties.get("PackageType").and_then(Node::text).is_some_and(|kind| kind == "Image") {
        return Err(CodeRefusal::Image);
    }
    let code = ["CodeUri", "Code"].into_iter().find_map(|name| resolver.value(properties, name));
    let Some(code) = code else { return Ok(".".to_owned()) };
    match code.text() {
        Some(path) if path.starts_with("s3://") => Err(CodeRefusal::S3 { uri: path.into_owned() }),
        Some(path) => Ok(path.into_owned()),
        None => Err(CodeRefusal::S3OrImage),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
