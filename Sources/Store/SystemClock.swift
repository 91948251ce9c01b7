// What the store asks the machine for: the time, identifiers that nobody else has, and to take memory back.
// Tests pass their own.

import Bytes
import CMemory
import Glibc
import Records

/// What is asked of the machine, each replaceable.
package struct SystemSources: Sendable {
    /// Now, UTC: a moment that a text can name, whatever the clock says. What is written down is read again by its
    /// name, so a moment without one would close the store for good.
    package var now: @Sendable () -> Timestamp
    /// Nanoseconds of a clock that never goes back, for durations.
    package var monotonicNanoseconds: @Sendable () -> Int64
    /// A random UUID (RFC 9562, version 4), lower case.
    package var uuid: @Sendable () -> String
    /// Gives the system back what the allocator keeps and nobody uses.
    package var giveMemoryBack: @Sendable () -> Void

    package init(
        now: @escaping @Sendable () -> Timestamp = SystemSources.wallClock,
        monotonicNanoseconds: @escaping @Sendable () -> Int64 = SystemSources.monotonicClock,
        uuid: @escaping @Sendable () -> String = SystemSources.randomUUID,
        giveMemoryBack: @escaping @Sendable () -> Void = { assaylog_give_memory_back() }
    ) {
        self.now = { min(max(now(), .earliestNamed), .latestNamed) }
        self.monotonicNanoseconds = monotonicNanoseconds
        self.uuid = uuid
        self.giveMemoryBack = giveMemoryBack
    }

    /// When work began that took so long and ends now. A window's work is a share of several windows', or stands
    /// between that of others: with its duration the sum is now, which a clock read at its start would not give.
    func beginning(ofWorkOf milliseconds: Int) -> Timestamp {
        now().adding(TimeSpan(microseconds: -Int64(milliseconds) * 1000))
    }

    /// The system's time, to the microsecond below; it may go back.
    @Sendable package static func wallClock() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        // More seconds than 64 bits count microseconds of are as good as the last moment there is.
        let seconds = min(max(Int64(time.tv_sec), -(1 << 42)), 1 << 42)
        return Timestamp(microseconds: seconds * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    @Sendable package static func monotonicClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    @Sendable package static func randomUUID() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (position, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(position) { text += "-" }
            text += byte.hexDigits
        }
        return text
    }
}
