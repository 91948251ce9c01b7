// The format document's worked example is a manifest, and this build writes the same bytes. The bounds that
// it lists are the code's.

import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct ManifestFormatDocumentTests {
    private var example: Manifest {
        var manifest = Manifest()
        manifest.nextSegmentNumber = 6
        manifest.entries = [
            Manifest.Entry(number: 5, state: .sealed, byteCount: 67_113_984),
            Manifest.Entry(number: 3, state: .closed, byteCount: 4096),
            Manifest.Entry(number: 4, state: .active, byteCount: 0),
        ]
        return manifest
    }

    @Test("the example of the format document is read as the document says")
    func exampleReads() throws {
        let disk = SimulatedFileSystem()
        try disk.create(FileName.manifest).append(
            try FormatDocument.example(room: "EventLog", file: "ManifestFormat.md"))
        #expect(try Manifest.read(LogConfiguration(), on: disk) == example)
    }

    @Test("this build writes the example of the format document")
    func exampleIsWritten() throws {
        #expect(try example.encoded() == FormatDocument.example(room: "EventLog", file: "ManifestFormat.md"))
    }

    @Test("the bounds that the format document lists are the reader's")
    func bounds() throws {
        let expected: [String: Int] = [
            "segment number": Int(FileName.segmentNumberMax),
            "segments": Manifest.entryCountMax,
            "bytes": Manifest.byteCountMax,
            "leap": SegmentFormat.indexLimit,
        ]
        #expect(try FormatDocument.bounds(room: "EventLog", file: "ManifestFormat.md") == expected)
    }
}
