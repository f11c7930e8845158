//! Encoded bodies.

use async_compression::tokio::write::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder};
use tokio::io::AsyncWriteExt;

macro_rules! coding {
    ($name:ident, $encoder:ident) => {
        pub(crate) async fn $name(bytes: &[u8]) -> Vec<u8> {
            let mut encoder = $encoder::with_quality(Vec::new(), async_compression::Level::Fastest);
            encoder.write_all(bytes).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }
    };
}

coding!(gzip, GzipEncoder);
coding!(zlib, ZlibEncoder);
coding!(deflate, DeflateEncoder);
coding!(brotli, BrotliEncoder);
