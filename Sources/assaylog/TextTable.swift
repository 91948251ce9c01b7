// A table for people: columns side by side, each as wide as its widest cell.
//
// Invariant: every line has the same cells at the same places; numbers end, texts begin, below each
// other.

struct TextTable {
    enum Alignment {
        case leading
        case trailing
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: (title: String, alignment: Alignment)...) { self.columns = columns }

    var isEmpty: Bool { rows.isEmpty }

    mutating func append(_ cells: String...) {
        precondition(cells.count == columns.count, "A row has a cell for each column.")
        rows.append(cells)
    }

    /// The lines, each ended.
    var text: String {
        let widths = columns.indices.map { column in
            max(columns[column].title.count, rows.lazy.map { $0[column].count }.max() ?? 0)
        }
        var text = ""
        for cells in [columns.map(\.title)] + rows {
            var line = ""
            for (column, cell) in cells.enumerated() {
                if column > 0 { line += "  " }
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                switch columns[column].alignment {
                case .leading: line += cell + padding
                case .trailing: line += padding + cell
                }
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
