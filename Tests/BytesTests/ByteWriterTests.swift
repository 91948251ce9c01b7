// Invariant checked: the one at the head of ByteWriter.swift, for bytes that the caller fills in; what is
// written one by one is read back in ByteCursorTests.swift.

import Bytes
import Testing

struct ByteWriterTests {
    @Test("bytes that are filled in stand after what was written before, and before what comes next")
    func filled() {
        var writer = ByteWriter()
        var expected: [UInt8] = []
        for count in [0, 1, 7, 64, 4096, 3] {
            writer.write(UInt8(truncatingIfNeeded: count))
            writer.write(byteCount: count) { room in
                #expect(room.count == count)
                for index in 0..<room.count { room[index] = UInt8(truncatingIfNeeded: index * 3) }
            }
            expected.append(UInt8(truncatingIfNeeded: count))
            expected += (0..<count).map { UInt8(truncatingIfNeeded: $0 * 3) }
        }
        #expect(writer.bytes == expected)
    }
}
