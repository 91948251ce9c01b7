// The columns of a run, or of an assay, over many paths: what several of them read is read once.
//
// Invariant: the values are those that the view answers for each path by itself.

import Assays
import Bytes
import EventLog
import Queries
import Records
import Synchronization

final class SharedColumns: Sendable {
    private let view: StoreView
    /// The last commit that counts; nil for all.
    private let cut: CommitNumber?
    /// One scan for each period of each pipeline, model and set of partitions.
    private let scans = Mutex<[WindowQuery: SharedColumnScan]>([:])

    /// Scans that are under way before anybody asks whether they are still wanted.
    private static let scanCountAtOnce = 32

    /// Any path will do where scans are told apart.
    private static let anyPath: IOPath = {
        guard let path = try? IOPath(parsing: "input any") else { preconditionFailure("A path.") }
        return path
    }()

    init(_ view: StoreView, cut: CommitNumber? = nil) {
        self.view = view
        self.cut = cut
    }

    func values(of spec: AssayWindowSpec, in period: TimeWindow) throws -> ColumnValues {
        try scan(of: spec, in: period).values(spec.path)
    }

    /// The scan of the records that `spec` means in a period, whatever its path.
    func scan(of spec: AssayWindowSpec, in period: TimeWindow) throws -> SharedColumnScan {
        let query = try query(spec, period)
        // Made under the lock: whoever wants the same one waits for it instead of making it too.
        return try scans.withLock { scans in
            if let scan = scans[query] { return scan }
            let scan = try SharedColumnScan(view.snapshot, query)
            scans[query] = scan
            return scan
        }
    }

    /// The same for several periods, by as many threads as there are processors: so no path has to wait for
    /// the scan that another is making.
    func scans(of spec: AssayWindowSpec, in periods: [TimeWindow]) throws -> [SharedColumnScan] {
        let queries = try periods.map { try query(spec, $0) }
        var found: [SharedColumnScan] = []
        for start in stride(from: 0, to: queries.count, by: SharedColumns.scanCountAtOnce) {
            // Other threads are no part of the task.
            try Task.checkCancellation()
            let some = queries[start..<min(start + SharedColumns.scanCountAtOnce, queries.count)]
            found += try Processors.share(parts: some.count) { position in
                Result { try SharedColumnScan(view.snapshot, some[start + position]) }
            }.map { try $0.get() }
        }
        scans.withLock { scans in
            for (query, scan) in zip(queries, found) { scans[query] = scan }
        }
        return found
    }

    private func query(_ spec: AssayWindowSpec, _ period: TimeWindow) throws -> WindowQuery {
        let scope = try view.scope(of: spec, cut: cut)
        return WindowQuery(
            topic: scope.topic, window: period, path: Self.anyPath, filter: scope.filter, cut: cut)
    }
}
