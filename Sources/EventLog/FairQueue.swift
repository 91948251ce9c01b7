// Requests that wait, in a line for each source; lines are served in turn.
//
//     fraud/engine   [a b c d e f]
//     churn/edge-1   [g]            take ──►  a g h b i c …   until the envelope is full
//     churn/edge-2   [h i]
//
// Invariants:
//  * A request leaves after those of its own source that came before it, and after at most one
//    envelope's share of every other source.
//  * A source may hold as many bytes as are still free (dynamic thresholds, Choudhury and Hahne 1998):
//    one alone half of the bound, n together 1/(n+1) each, so that room is left for a newcomer.
//  * `byteCount` is at most the bound, but for one request that came when nothing waited.

/// Who sends: a topic's partition. Control events have neither.
package struct AppendSource: Hashable, Sendable {
    package var topic: String
    package var partition: String

    package init(topic: String, partition: String) {
        self.topic = topic
        self.partition = partition
    }

    package static let control = AppendSource(topic: "", partition: "")
}

struct FairQueue<Element> {
    /// A refusal: what waits of the source, and how much it might have now.
    struct Refusal: Hashable {
        var waitingByteCount: Int
        var limit: Int
    }

    private struct Line {
        var elements: [(element: Element, byteCount: Int)] = []
        /// Those before it are gone.
        var head = 0
        var byteCount = 0

        var isEmpty: Bool { head == elements.count }
    }

    let byteCountMax: Int
    private(set) var byteCount = 0
    private(set) var count = 0
    private var lines: [AppendSource: Line] = [:]
    /// Sources with something in their line, the next one first, from `turn` on.
    private var order: [AppendSource] = []
    private var turn = 0

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    var isEmpty: Bool { count == 0 }

    /// Puts a request at the end of its source's line.
    /// - Returns: nil where it was taken.
    mutating func add(_ element: Element, byteCount size: Int, of source: AppendSource) -> Refusal? {
        let own = lines[source]?.byteCount ?? 0
        let free = byteCountMax - byteCount
        // One request may be larger than the bound when nothing else waits; it was bounded before.
        guard count == 0 || own + size <= free else {
            return Refusal(waitingByteCount: own, limit: max(0, free))
        }
        if own == 0 && lines[source] == nil { order.append(source) }
        lines[source, default: Line()].elements.append((element, size))
        lines[source]!.byteCount += size
        byteCount += size
        count += 1
        return nil
    }

    /// Takes requests, one of each source in turn, until `target` bytes are together; one at least.
    mutating func take(upTo target: Int) -> [Element] {
        var taken: [Element] = []
        var size = 0
        while count > 0 {
            let source = order[turn]
            // Always there: a source stands in the order exactly while its line is not empty.
            var line = lines.removeValue(forKey: source)!
            let (element, elementSize) = line.elements[line.head]
            guard taken.isEmpty || size + elementSize <= target else {
                lines[source] = line
                break
            }
            turn += 1
            taken.append(element)
            size += elementSize
            line.head += 1
            line.byteCount -= elementSize
            byteCount -= elementSize
            count -= 1
            guard !line.isEmpty else { continue }
            if line.head > 32 && line.head * 2 > line.elements.count {
                line.elements.removeFirst(line.head)
                line.head = 0
            }
            lines[source] = line
            order.append(source)
        }
        if turn == order.count || turn > 64 {
            order.removeFirst(turn)
            turn = 0
        }
        return taken
    }
}
