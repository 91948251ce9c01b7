// Files that an earlier build wrote are read for ever, and say the same: whole ones, torn ones, damaged
// ones, and such as were made anew. The directories were written once (Tools/golden.py) and are never
// written again; a format that could not read them would be another version.

import Foundation
import JSON
import TestSupport
import Testing

@Suite("Compatibility")
struct CompatibilityTests {
    static let golden = "\(TestData.root)/Data/golden"

    static let directories: [String] = ["healthy", "torn-tail", "bit-flip", "regrouped"].map {
        "format-1/" + $0
    }

    /// A copy of the golden data in a sandbox, as `assaylog-data`.
    static func sandbox(_ directory: String) throws -> Sandbox {
        let sandbox = try Sandbox()
        try FileManager.default.copyItem(
            atPath: "\(golden)/\(directory)/data", toPath: sandbox.file("assaylog-data"))
        return sandbox
    }

    static func text(_ directory: String, _ name: String) throws -> String {
        try String(contentsOfFile: "\(golden)/\(directory)/\(name)", encoding: .utf8)
    }

    @Test("an old directory answers what it answered, and is judged as it was", arguments: directories)
    func answers(directory: String) throws {
        let sandbox = try Self.sandbox(directory)
        let export = try sandbox.run("export", "--pipeline", "fraud")
        #expect(export.output == (try Self.text(directory, "answers.ndjson")))
        let expected = JSONField(try JSONValue(parsing: try Self.text(directory, "check.json")))
        let found = JSONField(try JSONValue(parsing: try sandbox.run("check", "--json").output))
        for member in ["ok", "segments", "commits", "blocks", "records", "events", "findings"] {
            #expect(found[member].value == expected[member].value, "\(member)")
        }
        #expect(export.status == (try expected["ok"].bool() ? 0 : 1))
    }

    @Test(
        "an old directory can be written on, and made anew",
        arguments: directories.filter { $0 != "format-1/bit-flip" })
    func goesOn(directory: String) throws {
        let sandbox = try Self.sandbox(directory)
        try sandbox.write(Sample.line(9_999) + "\n", to: "more.ndjson")
        let append = try sandbox.run("append", "--workspace", "demo", "--pipeline", "fraud", "more.ndjson")
        #expect(append.status == 0, "\(append.errors)")
        #expect(try sandbox.run("compact").status == 0)
        let check = try sandbox.run("check")
        #expect(check.status == 0, "\(check.output)")
        let before = try Self.text(directory, "answers.ndjson").split(separator: "\n").count
        let after = try sandbox.run("export", "--pipeline", "fraud")
        #expect(after.lines.count == before + 1)
    }

    @Test("a segment of another version is refused by name")
    func unknownVersion() throws {
        let sandbox = try Self.sandbox("format-1/healthy")
        let name = try #require(
            FileManager.default.contentsOfDirectory(atPath: sandbox.file("assaylog-data"))
                .filter { $0.hasPrefix("segment-") }.min())
        let url = URL(fileURLWithPath: sandbox.file("assaylog-data/" + name))
        var bytes = try Data(contentsOf: url)
        bytes[8] = 2

        let checksum = Self.crc32c([UInt8](bytes[..<28]))
        withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange(28..<32, with: $0) }
        try bytes.write(to: url)
        let run = try sandbox.run("append", "--workspace", "demo", "--pipeline", "fraud", "-")
        #expect(run.status == 1)
        #expect(run.errors.contains("segment format version 2; this build reads version 1"))
        let remedy = "use the build of assaylog that wrote"
        #expect(run.errors.contains(remedy))
        let check = try sandbox.run("check")
        #expect(check.status == 1)
        #expect(check.output.contains(remedy), "\(check.output)")
        #expect(!check.output.contains("restore the named files"), "\(check.output)")
    }

    /// The slow way, so that the test shares nothing with what it tests.
    private static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }
}
