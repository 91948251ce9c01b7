// How canonical bytes say what may be absent, and lists: the words of both generations' layouts
// (AssayOutcome+Digest.swift, which says how, and SeriesOutcome+Digest.swift).
//
// Invariant: they never change, for digests in the log are over them.

import Bytes
import Records

extension ByteWriter {
    mutating func write(optional value: Double?) {
        write(UInt8(value == nil ? 0 : 1))
        if let value { write(value.bitPattern) }
    }

    mutating func write(optional count: Int?) {
        write(UInt8(count == nil ? 0 : 1))
        if let count { writeVarint(count) }
    }

    mutating func write(optional moment: Timestamp?) {
        write(UInt8(moment == nil ? 0 : 1))
        if let moment { write(moment.microseconds) }
    }

    mutating func write(optional list: [Double]?) {
        write(UInt8(list == nil ? 0 : 1))
        if let list { write(list: list) }
    }

    mutating func write(list: [Double]) {
        writeVarint(list.count)
        for value in list { write(value.bitPattern) }
    }

    mutating func write(list: [Double?]) {
        writeVarint(list.count)
        for value in list { write(optional: value) }
    }

    mutating func write(list: [String]) {
        writeVarint(list.count)
        for text in list { write(text: text) }
    }
}
