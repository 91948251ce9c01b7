// Every limit of the store, named, with its reason.

import Alerts
import EventLog
import Records

/// The bounds and places of one store.
package struct StoreConfiguration: Sendable {
    /// The data directory.
    package var directory: String
    /// Bounds of the log itself.
    package var log = LogConfiguration()
    /// What a server keeps of the disk for what frees room on a full one: some thousand tombstones, settings and
    /// results to be sealed, a manifest each, and a segment of which little is left.
    package static let reserveByteCount = 2 << 20
    /// What an empty directory takes besides: three directories, two manifests, each twice while it is replaced,
    /// and a first segment, in blocks of 4 KiB, of which there are never exactly as many as one thinks.
    package static let beginningByteCount = 64 << 10
    /// How long after a window's end it is analysed: clients' clocks and queues lag by seconds.
    package var grace = StoreConfiguration.graceDefault
    /// The grace where nothing is said.
    package static let graceDefault = TimeSpan(microseconds: 5_000_000)
    /// The longest that records which keep arriving put off the new analysis of a window.
    package var latenessMax = TimeSpan(microseconds: 60_000_000)
    /// How many events must have come since the last checkpoint of the fold for closing to write one: fewer
    /// are read sooner than a file is made durable.
    package var checkpointEventCountMin = 5000
    /// The same for one that is written while the log is open: so many are folded in a second or two.
    package var checkpointEventCount = 50_000
    /// How long a segment has been sealed when it is regrouped.
    package var regroupingAge = TimeSpan(microseconds: 600_000_000)
    /// Bytes that housekeeping reads and writes a second: a small part of what a disk does.
    package var compactionBytesPerSecond = 32 << 20
    /// The ONNX Runtime library or the folder that holds it; nil looks in the environment and in
    /// `runtimePlaces`.
    package var runtimePlace: String?
    /// Where the library is looked for, in this order, where neither the configuration nor the environment names it.
    package var runtimePlaces: [String] = []
    /// The contract's own bound on an uploaded model.
    package var modelByteCountMax = 1 << 30
    /// The partition of inferences answered here; others are named by who appends them.
    package var enginePartition = "engine"
    /// Where webhooks may go; nowhere unless somebody says so.
    package var webhookPolicy = WebhookPolicy()
    /// The name in `features/list`.
    package var instanceName = "assaylog"

    /// All else as a server has it that is told nothing.
    package init(directory: String) { self.directory = directory }
}
