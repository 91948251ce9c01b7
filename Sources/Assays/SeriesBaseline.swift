// What an assay of the second generation compares with: made earlier, the records of a period, numbers, or a
// period that moves.
//
//     {"Summary": {path: summary, …}}    made earlier, one a path
//     {"Static": [start, end]}           the records of a period
//     {"Vector": [1.0, null, …]}         numbers, the same for every path; null is NaN
//     {"Rolling": {"start", "width"}}    a period that moves with the windows
//
// Static and Vector are how a baseline is given, not what it is: once an assay is scheduled they are
// summaries, as the contract has it, and stay what they were then. Rolling is ours to define, for no
// service shows one working: the baseline of the first run's window is [start, start + width), and that of
// a window which begins later begins as much later.
//
// Invariant: a summary is there for each path, was aggregated as the summarizer does, and has its number of
// bins.

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
        case .summaries(let summaries): .object(("Summary", Self.summariesJSON(summaries, paths)))
        case .period(let period): .object(("Static", .array([.zulu(period.start), .zulu(period.end)])))
        case .vector(let values): .object(("Vector", .array(values.map { .number($0) })))
        case .rolling(let start, let width):
            .object(("Rolling", .object(("start", .zulu(start)), ("width", SeriesDefinition.json(width)))))
        }
    }

    private static func summariesJSON(
        _ summaries: [IOPath: DatedSeriesSummary], _ paths: [IOPath]
    ) -> JSONValue {
        .object(
            JSONObject(
                paths.compactMap { path in
                    summaries[path].map { (path.dottedText, $0.json(path)) }
                }))
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

    /// Refuses bins that the mode they name does not make. Asked of requests alone: assays that were stored
    /// before this was refused are read as they are.
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
            let summary = dated.summary
            guard let problem = AggregatedValues.problem(summary.aggregatedValues, of: summary.aggregation)
            else { continue }
            throw FieldError(
                field: "baseline.Summary.\(path.dottedText).aggregated_values", problem: problem)
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

// MARK: Without a targeting

extension SeriesBaseline {
    /// What the summary of numbers is called that nobody says a path of: as no path is.
    private static let nameOfNumbers = "Vector"

    /// What a preview answers that has no targeting: the contract lets it be left out, and where nothing is read
    /// from records it is not needed. Summaries are called as they were given, that of numbers "Vector".
    package static func untargetedPreview(
        _ json: JSONField, _ settings: SeriesSettings
    ) throws(FieldError) -> JSONValue {
        let given = json["Summary"]
        let paths = try given.isPresent ? pathsSummarised(in: given) : []
        let baseline = try SeriesBaseline(json, paths, settings)
        switch baseline {
        case .summaries(let summaries):
            try baseline.refuseMistakes()
            return Self.summariesJSON(summaries, paths)
        case .vector(let numbers):
            let summary: SeriesSummary
            do {
                summary = try SeriesSummarizer(settings).baseline(of: SortedSample(withNulls: numbers))
            } catch {
                throw FieldError(field: "baseline", problem: "is refused: \(error)")
            }
            return .object(
                (nameOfNumbers, DatedSeriesSummary(summary, over: nil).json(called: nameOfNumbers)))
        case .period, .rolling:
            throw FieldError(
                field: "targeting",
                problem:
                    "is missing, and this baseline is made of records: give {\"data_origin\": {\"pipeline_id\": n}, "
                    + "\"iopath\": [{\"field\": \"out.name\"}]}; only \"Vector\" and \"Summary\" need none")
        }
    }

    /// The paths that summaries were given of, each once, in the order of the first of its name. Their names are
    /// written as they are read: an element of a list is taken for a field of that name.
    private static func pathsSummarised(in json: JSONField) throws(FieldError) -> [IOPath] {
        let members = try json.object().members
        guard !members.isEmpty else {
            throw json.refused("has no summary; give at least one, as {\"out.name\": summary}")
        }
        guard members.count <= SeriesTargeting.pathCountMax else {
            throw json.refused(
                "has \(members.count) summaries; give at most \(SeriesTargeting.pathCountMax) at a time")
        }
        var paths: [IOPath] = []
        var seen: Set<IOPath> = []
        for member in members {
            let path: IOPath
            do { path = try IOPath(recordField: member.key, element: nil) } catch {
                throw json[String(member.key.prefix(64))].refused("is wrong: \(error)")
            }
            if seen.insert(path).inserted { paths.append(path) }
        }
        return paths
    }
}
