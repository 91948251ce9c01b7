// Invariants checked: the one at the head of CChecksum.c, and the vectors of RFC 3720 B.4.

import Bytes
import CChecksum
import Simulation
import Testing

@Suite struct ChecksumTests {
    @Test("the vectors of the standard")
    func vectors() {
        #expect(Checksum.crc32c([]) == 0)
        #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(Checksum.crc32c([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(Checksum.crc32c((0..<32).map { UInt8($0) }) == 0x46DD_794E)
        #expect(Checksum.crc32c((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    }

    @Test("hardware and table agree for every length and alignment, and wherever a message is cut")
    func pathsAgree() {
        var generator = SeededGenerator(seed: 3)
        let bytes = (0..<2_400).map { _ in UInt8.random(in: 0...255, using: &generator) }
        // Up to one run of three and beyond, and up to three such runs.
        let counts = Array(0..<300) + Array(755..<790) + [1_535, 1_536, 1_600, 2_303, 2_304, 2_380]
        bytes.withUnsafeBytes { all in
            for start in 0..<16 {
                for count in counts {
                    let part = UnsafeRawBufferPointer(rebasing: all[start..<start + count])
                    let byTable = assaylog_crc32c_portable(0, part.baseAddress, count)
                    #expect(Checksum.crc32c(part) == byTable, "\(count) bytes from \(start)")
                    let cut = (count * 7 + start) % (count + 1)
                    let first = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: part[..<cut]))
                    let whole = Checksum.crc32c(
                        UnsafeRawBufferPointer(rebasing: part[cut...]), continuing: first)
                    #expect(whole == byTable, "\(count) bytes from \(start), cut at \(cut)")
                }
            }
        }
    }
}
