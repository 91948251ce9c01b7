// `assaylog summarize`: the summary that a baseline would have, of a window or of numbers in a file.

import ArgumentParser
import Assays
import Catalog
import JSON
import Records
import Store
import Summaries

struct Summarize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summarize",
        abstract: "Summarise a window of an input or output, or numbers in a file.",
        discussion: """
            Example:
              assaylog summarize --pipeline fraud --path "output dense_1 0" \\
                --start 2024-01-09 --bins 10
              seq 1 100 | assaylog summarize --values - --json

            Prints statistics and bins; --json prints the summary as the API answers it, to be given to an
            assay as its static baseline. A file of values holds one number a line, or a JSON list; null is a
            missing value. Without --start and --end the summary is of all records.
            """)

    @OptionGroup var directory: DataDirectory

    @Option(help: ArgumentHelp("The pipeline's name.", valueName: "name"))
    var pipeline: String?

    @Option(
        help: ArgumentHelp("Its workspace, where several have a pipeline of that name.", valueName: "name"))
    var workspace: String?

    @Option(
        help: ArgumentHelp(
            "The number asked for, as \"output dense_1 0\" or \"input age\".", valueName: "path"),
        transform: PathOptions.path)
    var path: IOPath?

    @OptionGroup var period: PeriodOptions
    @OptionGroup var filter: FilterOptions

    @Option(help: ArgumentHelp("A file of numbers instead; \"-\" for standard input.", valueName: "file"))
    var values: String?

    @OptionGroup var bins: BinOptions

    @Flag(help: "Print the summary as JSON, exactly.")
    var json = false

    func validate() throws {
        guard (values == nil) != (pipeline == nil) else {
            throw ValidationError(
                "Give --pipeline and --path for records, or --values for numbers in a file.")
        }
        if pipeline != nil && path == nil {
            throw ValidationError("Give --path: which number of the records?")
        }
        if values != nil {
            for (name, isGiven) in [
                ("--workspace", workspace != nil), ("--path", path != nil), ("--start", period.start != nil),
                ("--end", period.end != nil), ("--model", filter.model != nil),
                ("--pipeline-version", filter.pipelineVersion != nil),
                ("--location", !filter.location.isEmpty),
            ] where isGiven {
                throw ValidationError("\(name) is of records, and --values of none; leave one of them out.")
            }
        }
        _ = try bins.settings()
    }

    func run() throws {
        let settings = try bins.settings()
        var damages: [String] = []
        let summary: DatedSummary
        if let values {
            let sample = try ValueFile.sample(of: try InputFile(values))
            summary = DatedSummary(try Summarizer(settings).baseline(of: sample), over: nil)
        } else {
            let (view, found) = try directory.open()
            damages = found
            summary = try ofRecords(view, settings)
        }
        try json ? Output.line(summary.json) : Output.write(Array(SummaryText(summary).text.utf8))
        try Output.warn(damages)
    }

    private func ofRecords(_ view: StoreView, _ settings: SummarizerSettings) throws -> DatedSummary {
        guard let path, let pipeline else { preconditionFailure("Checked by validate.") }
        var options = PipelineOptions()
        (options.pipeline, options.workspace) = (pipeline, workspace)
        let found = try options.found(in: view.catalog, unseen: view.snapshot.index.unseenRemark)
        _ = try filter.filter(topic: found.topic.name, in: view)
        guard let covered = view.snapshot.index.topics[found.topic.name]?.covered else {
            throw CommandFailure("--pipeline: \"\(pipeline)\" has no records yet")
        }
        // A record of a year that has no name is not reached by a window that is written down.
        let start = period.start ?? max(covered.start, .earliestNamed)
        let end = period.end ?? max(min(covered.end, .latestNamed), start)
        // Asked as a request would ask it, so that the answer is the API's.
        let window = JSONValue.object(
            ("pipeline_name", .string(pipeline)), ("workspace_id", .identifier(found.workspaceID)),
            ("path", .string(path.text)), ("model_name", .string(filter.model)),
            ("start", .zulu(start)), ("end", .zulu(end)),
            ("locations", filter.location.isEmpty ? .null : .strings(filter.location)))
        let baseline = try BaselineSpec(JSONField(.object(("fixed_window", window))))
        do { return try view.baseline(baseline, settings) } catch {
            throw CommandFailure(SummaryOptionNames.said(error))
        }
    }
}

/// A refusal by the options' names, where the question was asked by the API's.
private enum SummaryOptionNames {
    /// In a refusal of fields or records only what begins it is replaced: names of the user's follow.
    private static let ofFields = [
        ("field \"baseline.fixed_window.path\"", "--path"),
        ("field \"baseline.fixed_window\"", "--start and --end"),
        ("field \"baseline\"", "--start and --end"),
    ]
    private static let ofSettings = [
        ("num_bins", "--bins"), ("bin_mode", "--mode"), ("provided_edges", "--edges"),
    ]

    static func said(_ error: any Error) -> String {
        var text = "\(error)"
        if error is SummaryError {
            for (name, option) in ofSettings { text = text.replacing(name, with: option) }
        } else {
            for (name, option) in ofFields { text = text.replacing(name, with: option, maxReplacements: 1) }
        }
        return text
    }
}

/// How values become bins.
struct BinOptions: ParsableArguments {
    @Option(help: "How many bins, besides the two for outliers.")
    var bins = SummarizerSettings.numBinsDefault

    @Option(
        help: "Where the bins' edges come from: Quantile, Equal, Provided or None.",
        transform: BinOptions.word)
    var mode = BinMode.quantile

    @Option(help: ArgumentHelp("The edges, for --mode Provided, as 0,0.5,1.", valueName: "numbers"))
    var edges: String?

    @Option(help: "What is said of each bin: Density, Cumulative or Edges.", transform: BinOptions.word)
    var aggregation = Aggregation.density

    @Option(help: "How windows would be compared: PSI, MaxDiff or SumDiff.", transform: BinOptions.word)
    var metric = DriftMetric.psi

    func settings() throws -> SummarizerSettings {
        guard edges == nil || mode == .provided else {
            throw ValidationError("--edges is for --mode Provided, and it is \(mode.rawValue); change one.")
        }
        let numbers = try edges?.split(separator: ",").map { word -> Double in
            guard let number = Double(word.filter { $0 != " " }) else {
                throw ValidationError("--edges: \"\(word)\" is no number; write them as 0,0.5,1.")
            }
            return number
        }
        do throws(SummaryError) {
            return try SummarizerSettings(
                binMode: mode, aggregation: aggregation, metric: metric, numBins: bins, providedEdges: numbers
            )
        } catch { throw ValidationError(SummaryOptionNames.said(error)) }
    }

    /// A choice, in its own spelling or in lower case.
    @Sendable static func word<Word: RawRepresentable & CaseIterable>(_ text: String) throws -> Word
    where Word.RawValue == String {
        guard let word = Word.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            throw ValidationError(
                "it must be one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }
}

/// Numbers in a file: one a line, or a JSON list.
enum ValueFile {
    /// Forty million numbers of a usual length; more belong into a log.
    private static let byteCountMax = 1 << 29

    static func sample(of file: InputFile) throws -> SortedSample {
        let bytes = try file.all(upTo: byteCountMax)
        guard bytes.first(where: { !$0.isJSONSpace }) == UInt8(ascii: "[") else {
            return try lines(bytes, file)
        }
        let list: [JSONField]
        do { list = try JSONField(try JSONValue(parsing: bytes)).array() } catch {
            throw CommandFailure("\(file.name): \(error)")
        }
        var numbers: [Double] = []
        for (position, element) in list.enumerated() where element.isPresent {
            guard let number = try? element.double() else {
                throw CommandFailure("\(file.name): element \(position) is no number")
            }
            numbers.append(number)
        }
        return SortedSample(numbers, nullCount: list.count - numbers.count)
    }

    private static func lines(_ bytes: [UInt8], _ file: InputFile) throws -> SortedSample {
        var numbers: [Double] = []
        var missingCount = 0
        for (line, text) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let blanks: Set<UInt8> = [0x20, 0x09, 0x0D]
            let trimmed = text.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed()
            let word = String(decoding: Array(trimmed), as: UTF8.self)
            switch word {
            case "": continue
            case "null", "NaN", "nan": missingCount += 1
            default:
                // As JSON has them: neither hexadecimal nor infinite, nor several in a line.
                guard case .number(let text)? = try? JSONValue(parsing: word), text.double.isFinite else {
                    throw CommandFailure(
                        "\(file.name), line \(line + 1): \"\(word.prefix(32))\" is no number")
                }
                numbers.append(text.double)
            }
        }
        return SortedSample(numbers, nullCount: missingCount)
    }
}

/// A summary as a person reads it.
private struct SummaryText {
    private let dated: DatedSummary

    init(_ dated: DatedSummary) { self.dated = dated }

    var text: String {
        let summary = dated.summary
        var table = TextTable(("statistic", .leading), ("", .trailing))
        func append(_ name: String, _ value: Double?) { table.append(name, value.map { "\($0)" } ?? "-") }
        table.append("count", Quantity.count(summary.count))
        if summary.missingCount > 0 { table.append("missing", Quantity.count(summary.missingCount)) }
        append("min", summary.min)
        append("max", summary.max)
        append("mean", summary.mean)
        append("median", summary.median)
        append("std", summary.standardDeviation)
        if let period = dated.period {
            table.append("start", period.start.zuluText)
            table.append("end", period.end.zuluText)
        }
        guard !summary.edges.isEmpty else { return table.text }
        var bins = TextTable(
            ("bin", .leading), ("up to", .trailing), (summary.aggregation.rawValue, .trailing))
        let edges = summary.edges.map { "\($0)" } + ["∞"]
        for (position, name) in summary.edgeNames.enumerated() {
            bins.append(name, edges[position], summary.aggregatedValues[position].map { "\($0)" } ?? "-")
        }
        return table.text + "\n" + bins.text
    }
}
