// Invariants checked: those at the head of Manifest.swift, and that a file which is no manifest is
// refused with its reason.

import Bytes
import Disk
import Simulation
import Testing

@testable import EventLog

@Suite struct ManifestTests {
    private let disk = SimulatedFileSystem()
    private let configuration = LogConfiguration()

    private func sample(_ count: Int) -> Manifest {
        var manifest = Manifest()
        manifest.nextSegmentNumber = UInt64(count) * 3 + 2
        for number in 0..<count {
            manifest.entries.append(
                Manifest.Entry(
                    number: UInt64(number) * 3 + 1, state: [.sealed, .closed, .active][number % 3],
                    byteCount: number * 1_000_000_007))
        }
        return manifest
    }

    private func write(_ bytes: [UInt8]) throws {
        if disk.bytes(of: FileName.manifest) != nil { try disk.remove(FileName.manifest) }
        try disk.create(FileName.manifest).append(bytes)
    }

    private func read() throws -> Manifest? { try Manifest.read(configuration, on: disk) }

    /// The bytes with the checksum that they should have.
    private func signed(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Array(bytes.dropLast(4)))
        writer.write(Checksum.crc32c(writer.bytes))
        return writer.bytes
    }

    private func reason(_ body: () throws -> Void) -> String {
        let error = #expect(throws: LogError.self, performing: body)
        guard case .manifest(FileName.manifest, let reason)? = error else { return "another error" }
        #expect("\(error!)".contains("restore"), "what to do is said")
        return reason
    }

    @Test("a manifest comes back as it was")
    func roundTrip() throws {
        #expect(try read() == nil)
        for count in [0, 1, 2, 3, 100] {
            try sample(count).replace(configuration, on: disk)
            #expect(try read() == sample(count))
        }
        #expect(try disk.list("") == [FileName.manifest])
    }

    @Test("a power cut at any operation of a replacement leaves the old manifest or the new one")
    func replacement() throws {
        for operation in 0... {
            for keepsAll in [true, false] {
                let disk = SimulatedFileSystem()
                try sample(2).replace(configuration, on: disk)
                disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: disk.operationCount + operation))
                var isReplaced = true
                do throws(LogError) { try sample(3).replace(configuration, on: disk) } catch {
                    isReplaced = false
                }
                disk.crash { keepsAll ? $0.upperBound : $0.lowerBound }
                let found = try Manifest.read(configuration, on: disk)
                #expect(found == sample(3) || (!isReplaced && found == sample(2)), "operation \(operation)")
                // And the next replacement is not in its way.
                try sample(4).replace(configuration, on: disk)
                if isReplaced { return }
            }
        }
    }

    @Test("a manifest with any byte flipped, cut or added is refused")
    func damage() throws {
        let bytes = sample(3).encoded()
        for place in bytes.indices {
            for mask in [UInt8(1) << UInt8(place % 8), 0xFF] {
                var damaged = bytes
                damaged[place] ^= mask
                try write(damaged)
                #expect(throws: LogError.self, "byte \(place)") { try read() }
            }
            try write(Array(bytes[..<place]))
            #expect(throws: LogError.self, "cut at \(place)") { try read() }
        }
        try write(bytes + [0])
        #expect(throws: LogError.self) { try read() }
    }

    @Test(
        "a file that is too long or too short for a manifest is not read",
        arguments: [0, 4, Manifest.byteCountMax + 1])
    func lengths(byteCount: Int) throws {
        try sample(1).replace(configuration, on: disk)
        var files = InterposedFileSystem(base: disk)
        files.statedByteCount = byteCount
        #expect(
            reason { _ = try Manifest.read(configuration, on: files) } == "\(byteCount) bytes are no manifest"
        )
    }

    @Test("whole manifests that contradict themselves are refused with the reason")
    func contradictions() throws {
        var unknown = sample(1).encoded()
        unknown[8] = 4
        try write(signed(unknown))
        #expect(reason { _ = try read() }.contains("manifest version 4; this build reads 1"))
        #expect(Manifest.otherVersion(configuration, on: disk) == 4)
        // Neither damage elsewhere nor another file is another version.
        for place in [0, 40] {
            var damaged = sample(1).encoded()
            damaged[place] ^= 1
            try write(damaged)
            #expect(Manifest.otherVersion(configuration, on: disk) == nil, "byte \(place)")
        }

        var state = sample(1).encoded()
        state[30] = 3
        try write(signed(state))
        #expect(
            reason { _ = try read() }.contains(
                "a segment's state at 30 has the code 3, which this build does not know"))

        var manifest = sample(3)
        manifest.entries.swapAt(0, 1)
        try write(manifest.encoded())
        #expect(try read() == manifest, "segments stand in the order of the log, not of their numbers")
        manifest.entries[1].number = manifest.entries[0].number
        try write(manifest.encoded())
        #expect(reason { _ = try read() }.contains("is named twice"))

        manifest = sample(3)
        manifest.nextSegmentNumber = 7
        try write(manifest.encoded())
        #expect(reason { _ = try read() }.contains("segment 7 is not begun"))

        manifest.nextSegmentNumber = FileName.segmentNumberMax
        try write(manifest.encoded())
        #expect(try read() == manifest)
        for next in [FileName.segmentNumberMax + 1, .max] {
            manifest.nextSegmentNumber = next
            try write(manifest.encoded())
            #expect(reason { _ = try read() }.contains("a number at 10 is \(next), above the limit of"))
        }

        try write(signed(sample(1).encoded() + [0, 0]))
        #expect(reason { _ = try read() }.contains("2 bytes at 39, behind the end"))

        var count = sample(0).encoded()
        count[21] = 0xFF
        try write(signed(count))
        #expect(throws: LogError.self) { try read() }
    }
}
