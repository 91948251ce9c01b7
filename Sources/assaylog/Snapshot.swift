// `assaylog snapshot`, `restore`: a copy of a data directory as of one commit, and a data directory made of it.
//
// Invariant: where the copy holds damage that its source had, the command says so and fails, with the copy made.

import ArgumentParser
import JSON
import Store

struct Snapshot: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Copy a data directory as of one commit, also while it is written.",
        discussion: """
            Example:
              assaylog snapshot --data ./data --to ./backup-2024-05-01

            Takes log, models and the results that another version of assaylog worked out by other rules; what is
            derived by this one's comes back by itself. Works beside a running server and takes no lock: every
            commit that was acknowledged is in it, and perhaps the one that is just being written. Restore it with
            `assaylog restore`.
            """)

    @OptionGroup var directory: DataDirectory

    @Option(
        help: ArgumentHelp(
            "The directory to write to, new or empty, outside the data directory.", valueName: "dir"))
    var to: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let progress = Progress(byteCount: nil)
        let report = try StoreSnapshot.take(of: directory.data, to: to) {
            progress.show("snapshot", bytes: $0)
        }
        progress.end()
        try say(report, json: json, "\(to) holds the log up to")
    }
}

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data directory of a snapshot.",
        discussion: """
            Example:
              assaylog restore --from ./backup-2024-05-01 --data ./data

            Checks every file before it writes one, and writes to a new or empty directory alone.
            Before a version of assaylog that works results out by other rules serves a snapshot, restore it with
            the version that took it and run `assaylog rebuild`: the results of its rules are there then.
            """)

    @Option(help: ArgumentHelp("The snapshot's directory.", valueName: "dir"))
    var from: String

    @OptionGroup var directory: DataDirectory

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let progress = Progress(byteCount: nil)
        let report = try StoreSnapshot.restore(from: from, to: directory.data) {
            progress.show("restore", bytes: $0)
        }
        progress.end()
        try say(report, json: json, "\(directory.data) holds the log up to")
    }
}

private func say(_ report: StoreSnapshot.Report, json: Bool, _ beginning: String) throws {
    if json {
        try Output.line(
            .object(
                ("commit", .integer(report.cut)), ("files", .integer(report.files.count)),
                ("bytes", .integer(report.byteCount)), ("damages", .strings(report.damages))))
    } else {
        try Output.line(
            "\(beginning) commit \(report.cut): \(Quantity.of(report.files.count, "file")), "
                + "\(Quantity.bytes(report.byteCount))")
    }
    for damage in report.damages { Output.note("damaged as it was: \(damage)") }
    if !report.damages.isEmpty { throw ExitCode.failure }
}
