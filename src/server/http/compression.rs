//! Compresses answers and files with brotli or gzip. An answer is compressed in short pieces, so that live events need not
//! wait.
//!
//! At a higher level an answer takes more time and is hardly smaller: at these levels, a page of 74 kB takes about a
//! millisecond.

use std::io::Write;

use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use flate2::{Compression, write::GzEncoder};
use tokio::task::yield_now;

use super::negotiation::Coding;

/// The size in bytes below which an answer is sent plain: it fits into one packet in any case.
const PLAIN_MAX: usize = 1_024;
/// The size in bytes from which on only the fastest compression is used: gzip of [`GZIP_LEVEL_FAST`].
const FAST_MIN: usize = 2 * 1024 * 1024;
/// The size of the pieces between which other tasks run, in bytes.
const PIECE: usize = 32 * 1024;
/// The quality of brotli, from 0 to 11.
const BROTLI_QUALITY: i32 = 5;
/// The base-2 logarithm of brotli's window, in bytes: repetitions further apart than 1 MiB are not found.
const BROTLI_WINDOW: i32 = 20;
/// The level of gzip, from 1 to 9.
const GZIP_LEVEL: u32 = 6;
/// The level of gzip from [`FAST_MIN`] on.
const GZIP_LEVEL_FAST: u32 = 1;

/// The codings that are worth their time for an answer of `size` bytes, the best first.
pub(super) const fn worthwhile(size: usize) -> &'static [Coding] {
    if size < PLAIN_MAX {
        &[]
    } else if size < FAST_MIN {
        &Coding::ALL
    } else {
        &[Coding::Gzip]
    }
}

/// Compresses `plain`. Other tasks run after each piece.
pub(super) async fn compress(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(coding, plain.len());
    for piece in plain.chunks(PIECE) {
        compressor.write(piece);
        yield_now().await;
    }
    compressor.finish()
}

/// Compresses `plain` without a pause, for a thread that has nothing else to do.
pub(super) fn compress_blocking(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(coding, plain.len());
    compressor.write(plain);
    compressor.finish()
}

/// A compressor that writes into memory.
enum Compressor {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

/// Why an error of a [`Compressor`] cannot occur.
const IN_MEMORY: &str = "a vector accepts all bytes";

impl Compressor {
    fn new(coding: Coding, size: usize) -> Self {
        match coding {
            Coding::Brotli => {
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: size,
                    ..BrotliEncoderParams::default()
                };
                Self::Brotli(Box::new(CompressorWriter::with_params(Vec::new(), PIECE, &parameters)))
            }
            Coding::Gzip => {
                let level = if size < FAST_MIN { GZIP_LEVEL } else { GZIP_LEVEL_FAST };
                Self::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(level))))
            }
        }
    }

    fn write(&mut self, piece: &[u8]) {
        match self {
            Self::Brotli(writer) => writer.write_all(piece),
            Self::Gzip(writer) => writer.write_all(piece),
        }
        .expect(IN_MEMORY);
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Brotli(writer) => writer.into_inner(),
            Self::Gzip(writer) => writer.finish().expect(IN_MEMORY),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decompress(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = match coding {
            Coding::Brotli => brotli::Decompressor::new(coded, PIECE).read_to_end(&mut plain),
            Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        };
        read.expect("valid compressed data");
        plain
    }

    #[tokio::test]
    async fn compressed_data_is_smaller_and_decompresses_to_the_same() {
        for size in [0, 1, PIECE - 1, PIECE, 10 * PIECE + 1, FAST_MIN] {
            let plain = b"one event of many, ".repeat(size / 19 + 1)[..size].to_vec();
            for coding in Coding::ALL {
                let coded = compress(coding, &plain).await;
                assert_eq!(decompress(coding, &coded), plain);
                assert_eq!(decompress(coding, &compress_blocking(coding, &plain)), plain);
                assert!(size < PIECE || coded.len() < size / 10, "{coding:?}: {} of {size}", coded.len());
            }
        }
    }

    #[test]
    fn the_size_decides_the_codings() {
        let sizes = [0, PLAIN_MAX - 1, PLAIN_MAX, FAST_MIN - 1, FAST_MIN, usize::MAX];
        let all = &Coding::ALL[..];
        assert_eq!(sizes.map(worthwhile), [&[], &[], all, all, &[Coding::Gzip], &[Coding::Gzip]]);
    }
}
