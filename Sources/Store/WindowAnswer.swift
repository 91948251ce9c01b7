// What a question about one number of a window's records is answered with: the same on the command line and over HTTP.
//
//     {"topic": …, "path": …, "start": …, "end": …, "cut": …, "unseen": […],
//      the summary's numbers, "plan": …, "statistics": …, "times": […], "values": […]}
//
// Invariant: the answer names its cut, and what it could not see.

import Assays
import EventLog
import JSON
import Queries
import Records
import Summaries

/// A question about a window with the numbers that answer it.
package struct WindowAnswer {
    package let query: WindowQuery
    package let values: ColumnValues
    /// How long the numbers were read for.
    package let microseconds: Int64
    private let snapshot: LogSnapshot

    /// Reads the numbers.
    ///
    /// - Parameters:
    ///   - wantsTimes: false where no lists are asked for, but what the numbers are together.
    ///   - clock: nanoseconds that never go back.
    /// - Throws: `CancellationError` where the task is cancelled.
    package init(
        _ query: WindowQuery, of snapshot: LogSnapshot, wantsTimes: Bool = true,
        clock: () -> Int64 = SystemSources.monotonicClock
    ) throws(CancellationError) {
        self.query = query
        self.snapshot = snapshot
        let start = clock()
        values = try ColumnScan(snapshot).values(query, wantsTimes: wantsTimes)
        microseconds = (clock() - start) / 1000
    }

    /// Whether no record has a number at the path, whatever its time: a window that has records would be answered
    /// with NaN for each, which is to be refused.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func isOfUnknownPath() throws(CancellationError) -> Bool {
        guard !values.values.isEmpty, !values.pathWasFound, values.statistics.unseen.isEmpty else {
            return false
        }
        var whenever = query
        (whenever.window, whenever.cut) = (.always, nil)
        return try !ColumnScan(snapshot).mayHaveNumbers(whenever)
    }

    /// What the numbers are together, by name.
    package var summary: [(name: String, value: JSONValue)] {
        Summary(ofNumbers: SortedSample(values.values)).statistics
    }

    /// Every part of the log that was looked at or skipped, with the reason.
    package var plan: QueryPlan {
        QueryPlan(
            topic: snapshot.index.topics[query.topic], window: query.window, filter: query.filter,
            cut: query.cut, explaining: true)
    }

    /// The answer but for its two lists.
    package func document(withSummary: Bool, withPlan: Bool) -> JSONValue {
        var object = JSONObject([
            ("topic", .string(query.topic)), ("path", .string(query.path.text)),
            ("start", query.window.start == TimeWindow.always.start ? .null : .zulu(query.window.start)),
            ("end", query.window.end == TimeWindow.always.end ? .null : .zulu(query.window.end)),
            ("cut", .integer(snapshot.cut)),
            ("unseen", .array(values.statistics.unseen.map(\.json))),
        ])
        if withSummary {
            for (name, value) in summary { object.append(name, value) }
        }
        if withPlan {
            object.append("plan", plan.json)
            object.append(
                "statistics",
                .object(
                    JSONObject(values.statistics.members + [("microseconds", .integer(microseconds))])))
        }
        return .object(object)
    }

    /// The answer with its two lists.
    package func pieces(withPlan: Bool = false) -> Pieces {
        Pieces(document(withSummary: false, withPlan: withPlan), values)
    }

    /// Makes an answer's text piece by piece, as it is taken: its lists may hold millions. It holds no files.
    package struct Pieces: Sequence, IteratorProtocol, Sendable {
        private enum Place {
            case head
            case time(Int)
            case value(Int)
            case end
        }

        /// Bytes past which a piece is one: few calls, little memory.
        private static let byteCount = 1 << 17

        private let document: JSONValue
        private let values: ColumnValues
        private var place = Place.head

        fileprivate init(_ document: JSONValue, _ values: ColumnValues) {
            self.document = document
            self.values = values
        }

        package mutating func next() -> [UInt8]? {
            var writer = JSONWriter()
            while writer.bytes.count < Self.byteCount {
                switch place {
                case .head:
                    document.write(into: &writer.bytes)
                    // Its bracket: the lists are members, too.
                    writer.bytes.removeLast()
                    writer.write(",\"times\":[")
                    place = .time(0)
                case .time(let row) where row < values.times.count:
                    if row > 0 { writer.write(byte: UInt8(ascii: ",")) }
                    writer.write(values.times[row])
                    place = .time(row + 1)
                case .time:
                    writer.write("],\"values\":[")
                    place = .value(0)
                case .value(let row) where row < values.values.count:
                    if row > 0 { writer.write(byte: UInt8(ascii: ",")) }
                    writer.write(values.values[row])
                    place = .value(row + 1)
                case .value:
                    writer.write("]}")
                    place = .end
                case .end: return writer.bytes.isEmpty ? nil : writer.bytes
                }
            }
            return writer.bytes
        }
    }
}
