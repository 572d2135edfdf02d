//! Reads a file and writes it again, in pieces.

use std::io::Write as _;

use heddle_sdk::prelude::*;

/// Copies a file.
pub struct Copy;

/// Which file.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// Its name among the files that may be read.
    from: String,
}

/// What was copied.
#[derive(Serialize, JsonSchema)]
pub struct Copied {
    /// Bytes.
    bytes: usize,
}

/// How it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pieces {
    /// Bytes per write.
    #[serde(default = "default_piece")]
    #[schemars(range(min = 1))]
    piece: usize,
}

fn default_piece() -> usize {
    64 << 10
}

impl Phase for Copy {
    const NAME: &'static str = "copy";
    type Input = Request;
    type Output = Copied;
    type Config = Pieces;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Copy", "Reads a file and writes it again, in pieces.")
            .deliverable("copy.bin", FileKind::Binary, "The copy.")
            .reads("*")
    }

    fn execute(ctx: &mut Context<Pieces>, input: Request) -> PhaseResult<Copied> {
        let bytes = ctx.read(&input.from)?;
        let mut writer = ctx.writer("copy.bin")?;
        let pieces = bytes.chunks(ctx.config().piece);
        let all = pieces.len();
        for (i, piece) in pieces.enumerate() {
            writer.write_all(piece)?;
            ctx.progress((i + 1) as f64 / all as f64, "copying");
        }
        writer.finish()?;
        done(Copied { bytes: bytes.len() })
    }
}

#[cfg(test)]
mod tests {
    use heddle_sdk::testing::Harness;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_copy_equals_the_original() {
        let original: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let run = Harness::<Copy>::new()
            .config(json!({ "piece": 7 }))
            .file("a.bin", original.clone())
            .run(json!({ "from": "a.bin" }));
        assert_eq!(run.output()["bytes"], 1_000);
        assert_eq!(run.bytes("copy.bin"), original);
    }
}
