// Requests that wait, in a line for each partition. Topics are served in turn, and within a topic its
// partitions.
//
//     fraud   engine   [a b c d e f]
//             edge-1   [g]             take ──►  a h g i b c …   until the envelope is full
//     churn   engine   [h i]
//
// Invariants:
//  * A request leaves after those of its own partition that came before it; between two requests of
//    a topic every other topic has one, and between two of a partition every other one of its topic.
//  * A partition may hold as many bytes as are still free less what its topic holds (dynamic
//    thresholds, Choudhury and Hahne 1998): one alone a third of the bound, and always some room is
//    left for another partition, and for another topic.
//  * A request of more than a sixty-fourth of the bound that finds no such room is taken beyond the bound while
//    no other of about its size waits there (PlacesBeyond.swift): it gets its turn however steadily ones of
//    half its size or less come (of an eighth or less, where it is larger), and takes none of their room.
//    What waits is at most the bound, a quarter more, and one request, which was bounded before.

/// Who sends: a topic's partition. Control events have neither.
package struct AppendSource: Hashable, Sendable {
    package var topic: String
    package var partition: String

    package init(topic: String, partition: String) {
        self.topic = topic
        self.partition = partition
    }

    /// Where requests wait that have no records.
    package static let control = AppendSource(topic: "", partition: "")
}

struct FairQueue<Element> {
    /// A refusal: what waits of the source, and how much it might have now.
    struct Refusal: Hashable {
        var waitingByteCount: Int
        var limit: Int
    }

    private struct Waiting {
        var element: Element
        var byteCount: Int
        /// Its place beyond the bound; nil where it waits within.
        var place: PlacesBeyond.Place?
    }

    private struct Line {
        var elements: [Waiting] = []
        /// Those before it are gone.
        var head = 0
        /// Within the bound.
        var byteCount = 0

        var isEmpty: Bool { head == elements.count }

        mutating func removeFirst() -> Waiting {
            let first = elements[head]
            head += 1
            if first.place == nil { byteCount -= first.byteCount }
            if head > 32 && head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
            return first
        }
    }

    private struct Topic {
        var lines: [String: Line] = [:]
        /// Partitions whose lines are not empty.
        var order = Rotation()
        /// Within the bound.
        var byteCount = 0
    }

    let byteCountMax: Int
    /// Of those within the bound.
    private var boundedByteCount = 0
    private var beyond: PlacesBeyond
    private(set) var count = 0
    private var topics: [String: Topic] = [:]
    /// Topics with a line that is not empty.
    private var order = Rotation()

    init(byteCountMax: Int) {
        self.byteCountMax = byteCountMax
        beyond = PlacesBeyond(byteCountMax: byteCountMax)
    }

    /// Of all that waits.
    var byteCount: Int { boundedByteCount + beyond.byteCount }

    /// Puts a request at the end of its source's line.
    /// - Returns: nil where it was taken.
    mutating func add(_ element: Element, byteCount size: Int, of source: AppendSource) -> Refusal? {
        let own = topics[source.topic]?.lines[source.partition]?.byteCount ?? 0
        let limit = byteCountMax - boundedByteCount - (topics[source.topic]?.byteCount ?? 0)
        var place: PlacesBeyond.Place?
        if own + size > limit {
            place = beyond.take(size)
            if place == nil { return Refusal(waitingByteCount: own, limit: max(0, limit)) }
        }
        if topics[source.topic] == nil { order.append(source.topic) }
        if topics[source.topic]?.lines[source.partition] == nil {
            topics[source.topic, default: Topic()].order.append(source.partition)
        }
        topics[source.topic]!.lines[source.partition, default: Line()].elements.append(
            Waiting(element: element, byteCount: size, place: place))
        count += 1
        if place != nil { return nil }
        topics[source.topic]!.lines[source.partition]!.byteCount += size
        topics[source.topic]!.byteCount += size
        boundedByteCount += size
        return nil
    }

    /// Takes requests in turn until `target` bytes are together; one at least, if any waits.
    mutating func take(upTo target: Int) -> [Element] {
        var taken: [Element] = []
        var size = 0
        while count > 0 {
            // Always there: a name stands in an order exactly while its lines are not empty.
            let name = order.first
            var topic = topics.removeValue(forKey: name)!
            let partition = topic.order.first
            var line = topic.lines.removeValue(forKey: partition)!
            guard taken.isEmpty || size + line.elements[line.head].byteCount <= target else {
                topic.lines[partition] = line
                topics[name] = topic
                break
            }
            let first = line.removeFirst()
            taken.append(first.element)
            size += first.byteCount
            count -= 1
            if let place = first.place {
                beyond.giveBack(place)
            } else {
                topic.byteCount -= first.byteCount
                boundedByteCount -= first.byteCount
            }
            topic.order.removeFirst()
            if !line.isEmpty {
                topic.lines[partition] = line
                topic.order.append(partition)
            }
            order.removeFirst()
            if !topic.lines.isEmpty {
                topics[name] = topic
                order.append(name)
            }
        }
        return taken
    }
}

/// Names in the order in which they are served.
private struct Rotation {
    private var names: [String] = []
    /// Those before it are gone.
    private var head = 0

    var first: String { names[head] }

    mutating func append(_ name: String) { names.append(name) }

    mutating func removeFirst() {
        head += 1
        guard head == names.count || head > 64 else { return }
        names.removeFirst(head)
        head = 0
    }
}
