// One assay asked of many paths at once, over any period; stores nothing.
//
//     request ──► times, heads, filter (once) ──► a path a core: column, windows, scores ──► lines
//                                                                                       └──► ranking
//
// Each path is compared with its own baseline, from the baseline's period.
//
// Invariants:
//  * What is said of a path is what a run over that path alone says.
//  * Paths are answered in the order asked for, or of paths where all were; at most `coreCount` and
//    the one being handed on are in memory.
//  * A path that cannot be compared says why and ends nothing.

import Assays
import EventLog
import JSON
import Queries
import Records
import Summaries

/// Which paths a run looks at.
package enum PathSelection: Hashable, Sendable {
    /// Every path at which a record of the windows, or of the baselines' period, has a number: one that
    /// falls silent must not fall out of the answer.
    case all
    case named([IOPath])

    /// The most paths that may be named.
    package static let countMax = 10_000

    /// Reads `"all"`, or a list of paths.
    package init(_ json: JSONField) throws(FieldError) {
        if case .string(let text)? = json.value {
            guard text == "all" else {
                throw json.refused("is \"\(text.prefix(64))\"; it must be \"all\" or a list of paths")
            }
            self = .all
            return
        }
        let elements = try json.array()
        guard !elements.isEmpty else { throw json.refused("is empty; name a path, or write \"all\"") }
        guard elements.count <= Self.countMax else {
            throw json.refused("names \(elements.count) paths; name at most \(Self.countMax)")
        }
        var paths: [IOPath] = []
        var seen: Set<IOPath> = []
        for element in elements {
            let path = try element.ioPath()
            guard seen.insert(path).inserted else {
                throw element.refused("names \"\(path.text)\" again; name each path once")
            }
            paths.append(path)
        }
        self = .named(paths)
    }
}

extension AssayRequest {
    /// Reads the body of a run over many paths: that of `run_interactive`, with `paths` in the place
    /// of the path of window and baseline.
    package init(ofPaths json: JSONField) throws(FieldError) {
        var object = try json.object()
        if object["iopath"] == nil || object["iopath"] == .null {
            // Stands where a path must be; each path of the run takes its place.
            object["iopath"] = .string("input any")
        }
        try self.init(
            JSONField(.object(object), path: json.path), nameIsNeeded: false, isOfOnePath: false)
    }
}

/// A run over many paths that is ready to be worked out; it holds the view it was made with.
package struct PathsRun: Sendable {
    /// What one path came to.
    package struct Part: Sendable {
        package var finding: PathFinding
        /// One a window that was looked at, ascending; not all where `finding` has a problem.
        package var results: [AssayResult]
    }

    private let view: StoreView
    private let definition: AssayDefinition
    /// Nil where the request gave none.
    private let assayID: AssayID?
    /// The stored assay on whose grid the windows lie.
    private let assay: Assay?
    private let period: TimeWindow
    private let until: Timestamp
    private let columns: SharedColumns
    /// In the order in which they are answered.
    package let paths: [IOPath]

    /// How many paths are worked on at a time: as many as the machines this runs on have cores to
    /// spare for one question.
    private static let coreCount = 2
    /// Two years of hourly windows a path: some 35 MB of answer, which is held while it is sent.
    private var limit: PassLimit {
        PassLimit(windowCount: 20_000, valueCount: 1 << 28).bounded(forBins: definition.summarizer.numBins)
    }

    /// A run over the windows of a request, up to now or to its `run_until`.
    package init(_ request: AssayRequest, _ selection: PathSelection, _ view: StoreView) throws {
        let definition = try view.completed(request.definition)
        try self.init(
            definition, request.id, nil, .always, until: definition.runUntil ?? view.sources.now(),
            selection, view)
    }

    /// A run over the windows of a stored assay that lie in `period`.
    package init(
        _ id: AssayID, over period: TimeWindow, _ selection: PathSelection, _ view: StoreView
    ) throws {
        guard let assay = view.book[id] else { throw AssayError.unknownAssay(id) }
        try self.init(
            assay.definition, id, assay, period, until: min(period.end, view.sources.now()), selection,
            view)
    }

    private init(
        _ definition: AssayDefinition, _ assayID: AssayID?, _ assay: Assay?, _ period: TimeWindow,
        until: Timestamp, _ selection: PathSelection, _ view: StoreView
    ) throws {
        let baseline: AssayWindowSpec
        switch definition.baseline {
        case .fixedWindow(let spec), .slidingWindow(let spec, _): baseline = spec
        case .summary, .vector:
            throw FieldError(
                field: "baseline",
                problem: "is of one path; for many give a fixed_window or a sliding_window, from which "
                    + "each path has its own")
        }
        self.view = view
        self.definition = definition
        self.assayID = assayID
        self.assay = assay
        self.period = period
        self.until = until
        columns = SharedColumns(view)
        let pass = try Self.pass(definition, assay, period, columns, view)
        var scans = try columns.scans(
            of: definition.window, in: pass.readPeriods(touching: period, until: until))
        switch selection {
        case .all:
            if let under = pass.baselinePeriod(touching: period, until: until) {
                scans.append(try columns.scan(of: baseline, in: under))
            }
            var found: Set<IOPath> = []
            for scan in scans {
                let (paths, unseen) = try scan.paths()
                try view.refuseUnseen(unseen)
                found.formUnion(paths)
            }
            paths = found.sorted()
        case .named(let named):
            let recordsAreThere = scans.contains { !$0.times.isEmpty }
            for (position, path) in named.enumerated()
            where recordsAreThere && !scans.contains(where: { $0.hasField(of: path) }) {
                guard try view.lacksField(of: definition.watching(path).window) else { continue }
                throw FieldError(
                    field: "paths[\(position)]",
                    problem: "is \"\(path.text)\", and no record of pipeline "
                        + "\"\(definition.window.pipelineName)\" there has that field; name one that "
                        + "records have")
            }
            paths = named
        }
    }

    private static func pass(
        _ definition: AssayDefinition, _ assay: Assay?, _ period: TimeWindow, _ columns: SharedColumns,
        _ view: StoreView
    ) throws -> AssayPass {
        var pass =
            try assay.map { try AssayPass(definition, onGridOf: $0, view) } ?? AssayPass(definition, view)
        if assay != nil { pass.grid.reach(back: period.start) }
        pass.columns = columns
        return pass
    }

    /// Works the paths out and hands each on, in order; what `handOn` throws ends the run.
    package func run<Rendered: Sendable>(
        _ render: @escaping @Sendable (Part) -> Rendered,
        handOn: (Rendered) async throws -> Void
    ) async throws -> PathRanking {
        var findings: [PathFinding] = []
        try await withThrowingTaskGroup(of: (Int, PathFinding, Rendered).self) { group in
            var started = 0
            var ready: [Int: (PathFinding, Rendered)] = [:]
            func startNext() {
                guard started < paths.count else { return }
                let position = started
                started += 1
                group.addTask {
                    let part = part(of: paths[position])
                    return (position, part.finding, render(part))
                }
            }
            for _ in 0..<Self.coreCount { startNext() }
            while findings.count < paths.count {
                while ready[findings.count] == nil, let (position, finding, rendered) = try await group.next()
                {
                    ready[position] = (finding, rendered)
                }
                guard let (finding, rendered) = ready.removeValue(forKey: findings.count) else { break }
                try Task.checkCancellation()
                try await handOn(rendered)
                findings.append(finding)
                // Only now, so that a reader who is slow keeps the run slow, and not its memory full.
                startNext()
            }
        }
        return PathRanking(findings)
    }

    /// What is found at one path.
    private func part(of path: IOPath) -> Part {
        var part = Part(finding: PathFinding(path), results: [])
        do {
            let pass = try Self.pass(definition.watching(path), assay, period, columns, view)
            let (outcomes, lookedUntil) = try pass.outcomes(
                touching: period, until: until, limit: limit)
            for window in outcomes where window.outcome.window.start >= period.start {
                part.finding.add(window.outcome)
                part.results.append(
                    AssayResult(
                        window.outcome, assayID: assayID, analysedAt: window.analysedAt,
                        elapsedMilliseconds: window.elapsedMilliseconds))
            }
            if lookedUntil != until {
                part.finding.problem =
                    "the period holds more than one run looks at, \(limit.windowCount) windows with "
                    + "records or \(limit.valueCount) values a path; this is its beginning: ask for a "
                    + "shorter one"
            }
        } catch {
            part.finding.problem = "\(error)"
        }
        return part
    }
}

extension PathsRun.Part {
    /// Its lines of NDJSON: each result with its path before it, or why there are none.
    package var lines: [UInt8] {
        var bytes = AssayResultWriter.lines(of: results, at: finding.path)
        if let problem = finding.problem {
            JSONValue.object(("path", .string(finding.path.text)), ("error", .string(problem))).write(
                into: &bytes)
            bytes.append(0x0A)
        }
        return bytes
    }
}

extension AssayDefinition {
    /// The same assay of another path, in windows and baseline.
    fileprivate func watching(_ path: IOPath) -> AssayDefinition {
        var definition = self
        definition.window.path = path
        switch baseline {
        case .summary, .vector: break
        case .fixedWindow(var spec):
            spec.path = path
            definition.baseline = .fixedWindow(spec)
        case .slidingWindow(var spec, let offset):
            spec.path = path
            definition.baseline = .slidingWindow(spec, offset: offset)
        }
        return definition
    }
}
