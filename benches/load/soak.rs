//! The memory of the function over a long time.

use std::{
    fmt::{Result, Write},
    time::Duration,
};

/// How often it is looked at.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// What the last third may have more than the first.
const GROWTH: f64 = 1.1;

/// The part of the time that is left out at the start: connections and buffers are yet to be made.
const WARM_UP: f64 = 0.1;

/// The least and the most of each third of the samples, all in bytes.
pub(crate) fn thirds(samples: &[u64]) -> [(u64, u64); 3] {
    let warm = (samples.len() as f64 * WARM_UP).ceil() as usize;
    let samples = &samples[warm..];
    assert!(samples.len() >= 3, "expected a soak of a minute at least");
    let part = samples.len() / 3;
    [
        &samples[..part],
        &samples[part..2 * part],
        &samples[2 * part..],
    ]
    .map(|third| {
        let [least, most] = [third.iter().min(), third.iter().max()];
        let none = "a third has samples";
        (*least.expect(none), *most.expect(none))
    })
}

/// Whether it did not grow.
pub(crate) fn is_flat([first, _, last]: [(u64, u64); 3]) -> bool {
    last.1 as f64 <= first.1 as f64 * GROWTH
}

pub(crate) fn table(thirds: [(u64, u64); 3], f: &mut impl Write) -> Result {
    let mebibytes = |bytes: u64| bytes as f64 / 1048576.0;
    f.write_str("| memory of all instances | least | most |\n|---|---|---|\n")?;
    for (name, (least, most)) in ["first third", "second", "last"].into_iter().zip(thirds) {
        writeln!(
            f,
            "| {name} | {:.1} MiB | {:.1} MiB |",
            mebibytes(least),
            mebibytes(most)
        )?;
    }
    Ok(())
}
