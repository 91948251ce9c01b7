// An assay of the second generation as it was asked for: several paths of one pipeline, looked at in the
// windows of a schedule and compared with a baseline each.
//
//     {"name", "baseline", "scheduling", "summarizer", "targeting", "window": {"width": {"seconds": 60}}}
//
//     baseline:  {"Summary": {path: summary, …}}    made earlier, one a path
//                {"Static": [start, end]}           the records of a period
//                {"Vector": [1.0, null, …]}         numbers, the same for every path; null is NaN
//                {"Rolling": {"start", "width"}}    a period that moves with the windows
//
// Static and Vector are how a baseline is given, not what it is: once an assay is scheduled they are
// summaries, as the contract has it, and stay what they were then. Rolling is ours to define, for no
// service shows one working: the baseline of the first run's window is [start, start + width), and that of
// a window which begins later begins as much later.
//
// Invariants:
//  * `SeriesDefinition(JSONField(definition.json))` gives back every definition.
//  * A summary is there for each path, was aggregated as the summarizer does, and has its number of bins.
//  * A rolling baseline begins before the window that is compared with it, and does not end after it: when
//    a window is complete, so is its baseline.

import JSON
import Records
import Summaries

/// What series are compared with.
package enum SeriesBaseline: Hashable, Sendable {
    /// By path, as many as there are paths.
    case summaries([IOPath: DatedSeriesSummary])
    case period(TimeWindow)
    case vector([Double?])
    case rolling(start: Timestamp, width: TimeSpan)

    private static let kinds = ["Summary", "Static", "Vector", "Rolling"]

    /// - Parameter paths: the paths there are, in whose order summaries are written.
    package func json(_ paths: [IOPath]) -> JSONValue {
        switch self {
        case .summaries(let summaries):
            .object(
                (
                    "Summary",
                    .object(
                        JSONObject(
                            paths.compactMap { path in
                                summaries[path].map { (path.dottedText, $0.json(path)) }
                            }))
                ))
        case .period(let period): .object(("Static", .array([.zulu(period.start), .zulu(period.end)])))
        case .vector(let values): .object(("Vector", .array(values.map { .number($0) })))
        case .rolling(let start, let width):
            .object(("Rolling", .object(("start", .zulu(start)), ("width", SeriesDefinition.json(width)))))
        }
    }

    /// Reads a baseline for the paths of a targeting.
    package init(
        _ json: JSONField, _ paths: [IOPath], _ settings: SeriesSettings
    ) throws(FieldError) {
        _ = try json.object()
        let found = Self.kinds.filter { json[$0].isPresent }
        guard found.count == 1 else {
            throw json.refused(
                "has \(found.isEmpty ? "no kind" : found.joined(separator: " and ")); give exactly one of "
                    + "\"Summary\", \"Static\", \"Vector\" and \"Rolling\"")
        }
        let field = json[found[0]]
        switch found[0] {
        case "Summary": self = .summaries(try Self.summaries(field, paths, settings))
        case "Static": self = .period(try field.period())
        case "Vector": self = .vector(try field.series("a baseline needs at least one"))
        default:
            self = .rolling(
                start: try field["start"].timestamp(), width: try field["width"].seconds())
        }
    }

    /// What was stored before may have it; asked for, it is a mistake: bins that the mode they name does not
    /// make.
    package func refuseMistakes() throws(FieldError) {
        guard case .summaries(let summaries) = self else { return }
        // By name, so that of several the same one is refused every time.
        for (path, dated) in summaries.sorted(by: { $0.key.dottedText < $1.key.dottedText }) {
            let bins = dated.summary.bins
            guard bins.areOfTheirMode else {
                throw FieldError(
                    field: "baseline.Summary.\(path.dottedText).bins.mode",
                    problem:
                        "is not one that makes \(bins.count) bins, as there are; give the mode they were made with"
                )
            }
        }
    }

    private static func summaries(
        _ json: JSONField, _ paths: [IOPath], _ settings: SeriesSettings
    ) throws(FieldError) -> [IOPath: DatedSeriesSummary] {
        var summaries: [IOPath: DatedSeriesSummary] = [:]
        for (path, field) in zip(paths, try json.members(calledAs: paths)) {
            guard field.isPresent else {
                throw json.refused("has no summary of \(path.dottedText); give one for each iopath")
            }
            let dated = try DatedSeriesSummary(field)
            let summary = dated.summary
            guard summary.aggregation == settings.aggregation else {
                throw field["aggregation"].refused(
                    "is \(summary.aggregation.rawValue), but the summarizer's is "
                        + "\(settings.aggregation.rawValue); summarise the baseline with this summarizer")
            }
            guard summary.bins.count == settings.binMode.binCount else {
                throw field["bins"].refused(
                    "are \(summary.bins.count), but the summarizer makes \(settings.binMode.binCount); "
                        + "summarise the baseline with this summarizer")
            }
            guard summary.count > 0 else {
                throw field["statistics"].refused(
                    "say that the baseline has no numbers; nothing can be compared with it: give one of some")
            }
            summaries[path] = dated
        }
        return summaries
    }
}

/// An assay of the second generation as it was asked for: paths, schedule, baseline, settings.
package struct SeriesDefinition: Hashable, Sendable {
    /// Unique among the second generation's in the workspace; empty only in a preview.
    package var name: String
    package var baseline: SeriesBaseline
    package var schedule: RunSchedule
    package var settings: SeriesSettings
    package var targeting: SeriesTargeting
    /// Of the windows.
    package var width: TimeSpan

    /// In the order in which findings, summaries and scores come.
    package var paths: [IOPath] { targeting.targets.map(\.path) }

    /// As the log stores it: the name, then what `parts` has.
    package var json: JSONValue {
        .object(JSONObject([("name", .string(name))] + parts))
    }

    /// All but the name, in the order that answers have.
    var parts: [(String, JSONValue)] {
        [
            ("scheduling", schedule.json), ("baseline", baseline.json(paths)),
            ("window", .object(("width", Self.json(width)))), ("summarizer", settings.json),
            ("targeting", targeting.json),
        ]
    }

    static func json(_ width: TimeSpan) -> JSONValue {
        .object(("seconds", .integer(width.microseconds / 1_000_000)))
    }

    /// Reads the body of `schedule`, or of `preview` with `nameIsNeeded` false, or a stored definition.
    package init(_ json: JSONField, nameIsNeeded: Bool = true) throws(FieldError) {
        _ = try json.object()
        name = try nameIsNeeded ? json["name"].string() : json["name"].optional?.string() ?? ""
        if nameIsNeeded || !name.isEmpty { try AssayDefinition.check(name, json["name"]) }
        targeting = try SeriesTargeting(json["targeting"])
        settings = try SeriesSettings(json["summarizer"])
        schedule = try RunSchedule(json["scheduling"])
        width = try json["window"]["width"].seconds()
        baseline = try SeriesBaseline(json["baseline"], targeting.targets.map(\.path), settings)
        if case .rolling(let start, let width) = baseline {
            let field = json["baseline"]["Rolling"]
            guard start < firstWindow.start else {
                throw field["start"].refused(
                    "is \(start.zuluText), not before the first run's window, which begins at "
                        + "\(firstWindow.start.zuluText); choose an earlier one")
            }
            guard start.adding(width) <= firstWindow.end else {
                throw field["width"].refused(
                    "reaches past the end of the first run's window, \(firstWindow.end.zuluText); choose "
                        + "a shorter one, or an earlier start")
            }
        }
    }

    // MARK: Windows

    /// The window of a run.
    package func window(of run: Timestamp) -> TimeWindow {
        TimeWindow(start: run.adding(TimeSpan(microseconds: -width.microseconds)), end: run)
    }

    /// The window of the first run there can be.
    package var firstWindow: TimeWindow {
        window(of: schedule.next(after: Timestamp(microseconds: .min)) ?? schedule.firstRun)
    }

    /// The period whose records are the baseline of `window`; nil where no records are.
    package func baselinePeriod(for window: TimeWindow) -> TimeWindow? {
        switch baseline {
        case .summaries, .vector: return nil
        case .period(let period): return period
        case .rolling(let start, let width):
            let later = window.start.microseconds - firstWindow.start.microseconds
            let begin = start.adding(TimeSpan(microseconds: later))
            return TimeWindow(start: begin, end: begin.adding(width))
        }
    }

    /// The moments whose windows look at records of `period`: the windows that hold them and, where the
    /// baseline moves, those that are compared with them.
    package func reach(of period: TimeWindow) -> TimeWindow {
        guard case .rolling(let start, let baselineWidth) = baseline else { return period }
        // The baseline of a window that starts at s is [s - offset, s - offset + its width).
        let offset = firstWindow.start.microseconds - start.microseconds
        let first = period.start.adding(TimeSpan(microseconds: offset - baselineWidth.microseconds))
        let end = period.end.adding(TimeSpan(microseconds: offset))
        return TimeWindow(start: min(period.start, first), end: max(period.end, end))
    }

    /// What a window of one path is in the words of the first generation, by which records are found.
    package func windowSpec(of path: IOPath) -> AssayWindowSpec {
        targeting.windowSpec(of: path, width: width)
    }
}

extension SeriesTargeting {
    /// Windows of one path, in the words of the first generation; the pipeline is completed.
    package func windowSpec(of path: IOPath, width: TimeSpan) -> AssayWindowSpec {
        AssayWindowSpec(
            path, pipelineName: pipelineName ?? "", workspaceID: workspaceID, modelName: modelName,
            width: width, locations: locations)
    }
}

// MARK: Reading

extension JSONField {
    /// A length of time as `{"seconds": 60}`.
    package func seconds() throws(FieldError) -> TimeSpan {
        _ = try object()
        let longest = Int(WrittenSpan.longest.microseconds / 1_000_000)
        return TimeSpan(microseconds: Int64(try self["seconds"].integer(in: 1...longest)) * 1_000_000)
    }

    /// A half-open period as `[start, end]`.
    package func period() throws(FieldError) -> TimeWindow {
        let moments = try array()
        guard moments.count == 2 else {
            throw refused("has \(moments.count) members; give two moments, [start, end]")
        }
        let (start, end) = (try moments[0].timestamp(), try moments[1].timestamp())
        guard start < end else {
            throw moments[1].refused("is \(end.zuluText), and must be after the start, \(start.zuluText)")
        }
        return TimeWindow(start: start, end: end)
    }
}
