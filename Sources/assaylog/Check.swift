// `assaylog check`: is every invariant true of a data directory?

import ArgumentParser
import Disk
import JSON
import Store

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read every byte of a data directory and say what is wrong.",
        discussion: """
            Example:
              assaylog check --data ./data

            Checks manifest, segments, envelopes, blocks, columns, footers, models and what they say of each
            other; changes nothing; works beside a running server. Ends with 1 where anything is wrong, and
            prints each finding with its file and byte.
            """)

    @OptionGroup var directory: DataDirectory

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let progress = Progress(byteCount: size())
        let start = SystemSources.monotonicClock()
        let check = try StoreCheck.run(directory.data) { progress.show("check", bytes: $0) }
        let seconds = Double(SystemSources.monotonicClock() - start) / 1e9
        progress.end()
        if json {
            try Output.line(document(check))
        } else {
            for note in check.notes { Output.note("note: \(note)") }
            for finding in check.findings { try Output.line("\(finding)") }
            let verdict =
                check.findings.isEmpty
                ? "nothing is wrong"
                : "\(check.findings.count) thing\(check.findings.count == 1 ? " is" : "s are") wrong: "
                    + (check.remedy ?? "")
            try Output.line(
                "\(verdict) (\(Quantity.of(check.segmentCount, "segment")), "
                    + "\(Quantity.of(check.envelopeCount, "envelope")), "
                    + "\(Quantity.of(check.recordCount, "record")) in "
                    + "\(Quantity.of(check.blockCount, "block")), "
                    + "\(Quantity.of(check.eventCount, "event")), \(Quantity.of(check.keyCount, "key")), "
                    + "\(Quantity.of(check.modelCount, "model")), "
                    + "\(Quantity.bytes(check.byteCount)), \(Quantity.decimal(seconds, digitCount: 2)) s)")
        }
        if !check.findings.isEmpty { throw ExitCode.failure }
    }

    /// Bytes to read, for the bar alone.
    private func size() -> Int? {
        let files = PosixFileSystem(root: directory.data)
        var byteCount = 0
        for folder in ["", FileName.derivedDirectory, FileName.modelDirectory] {
            for name in (try? files.list(folder)) ?? [] {
                guard folder == FileName.modelDirectory || FileName.segmentNumber(name) != nil else {
                    continue
                }
                byteCount += (try? files.open(FileName.path(name, in: folder)).byteCount) ?? 0
            }
        }
        return byteCount
    }

    private func document(_ check: StoreCheck) -> JSONValue {
        let findings = check.findings.map { finding in
            JSONValue.object(
                ("file", .string(finding.file)), ("offset", finding.byteOffset.map { .integer($0) } ?? .null),
                ("problem", .string(finding.problem)))
        }
        return .object(
            ("ok", .bool(findings.isEmpty)), ("findings", .array(findings)), ("notes", .strings(check.notes)),
            // Called so from the first, and read by scripts.
            ("segments", .integer(check.segmentCount)), ("commits", .integer(check.envelopeCount)),
            ("blocks", .integer(check.blockCount)), ("records", .integer(check.recordCount)),
            ("events", .integer(check.eventCount)), ("keys", .integer(check.keyCount)),
            ("models", .integer(check.modelCount)),
            ("unproven_results", .integer(check.unprovenResultCount)),
            ("bytes", .integer(check.byteCount)))
    }
}
