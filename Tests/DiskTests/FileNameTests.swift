// Invariants checked: every name that FileName makes it also parses, and no other.

import Disk
import Testing

@Suite struct FileNameTests {
    @Test("segment numbers come back from their names, which sort as they do")
    func roundTrip() {
        var numbers: [UInt64] = [0, 1, 0xA7, FileName.segmentNumberMax - 1]
        for bit in 0...62 as ClosedRange<UInt64> { numbers += [1 << bit, (1 << bit) - 1] }
        numbers = Set(numbers).sorted()
        for number in numbers { #expect(FileName.segmentNumber(FileName.segment(number)) == number) }
        let names = numbers.map { FileName.segment($0) }
        #expect(names == names.sorted())
        #expect(FileName.segment(0xA7) == "segment-00000000000000a7")
    }

    @Test(
        "any other name is none",
        arguments: [
            "", "segment-", "segment-a7", "segment-00000000000000A7", "segment-00000000000000a7 ",
            "segment-0000000000000000a7", "segment-+0000000000000a7", "Segment-00000000000000a7",
            "segment-4000000000000001", "segment-ffffffffffffffff", "segment-00000000000000g7",
            FileName.manifest, FileName.newManifest, FileName.lock,
        ])
    func otherNames(name: String) { #expect(FileName.segmentNumber(name) == nil) }

    @Test("a model's name, an upload's and any other are told apart")
    func models() {
        let hash = String(repeating: "0a9f", count: 16)
        #expect(FileName.model(hash) == "models/" + hash && FileName.isModel(hash))
        #expect(FileName.modelUpload("7") == "models/upload-7")
        #expect(FileName.isModelUpload("upload-7") && !FileName.isModelUpload(hash))
        for name in ["", "upload-7", String(hash.dropLast()), hash + "0", hash.uppercased(), hash + "/"] {
            #expect(!FileName.isModel(name), "\(name)")
        }
    }

    @Test("a path in a directory is known by it, and by no other that begins alike")
    func paths() {
        #expect(FileName.path(FileName.manifest, in: "") == "MANIFEST")
        let path = FileName.path(FileName.manifest, in: FileName.derivedDirectory)
        #expect(path == "derived/MANIFEST" && FileName.isPath(path, in: FileName.derivedDirectory))
        for other in ["derived", "derivedMANIFEST", "MANIFEST", FileName.model("derived/")] {
            #expect(!FileName.isPath(other, in: FileName.derivedDirectory), "\(other)")
        }
    }
}
