// How far a long command has come, on standard error, where a person looks at it.
//
// Invariants:
//  * Nothing is written where standard error is no terminal.
//  * The line is taken away before anything else is said.

import Glibc
import Store

final class Progress {
    /// Bytes to do; nil where nobody knows.
    private let byteCount: Int?
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = SystemSources.monotonicClock()
    private var lastShown: Int64 = 0

    private static let barWidth = 24
    /// Nanoseconds between two pictures.
    private static let pause: Int64 = 100_000_000

    init(byteCount: Int?) { self.byteCount = byteCount }

    /// - Parameter rows: records done; nil where they are not what is counted.
    func show(_ label: String, bytes: Int, rows: Int? = nil) {
        guard isShown else { return }
        let now = SystemSources.monotonicClock()
        guard now - lastShown >= Progress.pause else { return }
        lastShown = now
        let seconds = max(Double(now - start) / 1e9, 1e-3)
        var line = "\(label) "
        if let byteCount, byteCount > 0 {
            let part = min(1, Double(bytes) / Double(byteCount))
            let full = Int(part * Double(Progress.barWidth))
            line += "[" + String(repeating: "#", count: full)
            line += String(repeating: ".", count: Progress.barWidth - full) + "] \(Int(part * 100)) %  "
        }
        line += Quantity.bytes(bytes)
        if let rows {
            line +=
                "  \(Quantity.count(rows)) records  \(Quantity.count(Int(Double(rows) / seconds))) records/s"
        } else {
            line += "  \(Quantity.bytes(Int(Double(bytes) / seconds)))/s"
        }
        put("\r\u{1B}[K" + line)
    }

    /// What is counted in pieces, not in bytes.
    func show(_ label: String, done: Int, of count: Int, _ noun: String) {
        guard isShown else { return }
        let now = SystemSources.monotonicClock()
        guard now - lastShown >= Progress.pause else { return }
        lastShown = now
        let seconds = max(Double(now - start) / 1e9, 1e-3)
        put(
            "\r\u{1B}[K\(label) \(Quantity.count(done)) of \(Quantity.count(count)) \(noun)  "
                + "\(Quantity.count(Int(Double(done) / seconds)))/s")
    }

    /// Takes the line away.
    func end() {
        if isShown && lastShown > 0 { put("\r\u{1B}[K") }
        lastShown = 0
    }

    private func put(_ text: String) {
        try? Output.write(Array(text.utf8), to: STDERR_FILENO, named: "standard error")
    }
}
