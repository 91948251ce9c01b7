// Checked: that the README, to which an unknown path points, lists every route that there is, and none besides.
//
// In its table a path begins with a slash, or stands below /v1/api; a word alone stands beside the path before
// it. What is not said to be a GET is a POST.

import TestSupport
import Testing

@testable import HTTPAPI

@Suite("The README's routes")
struct ReadmeRoutesTests {
    /// What the table says: all that may be a route, and what can be nothing else.
    private static func listed() throws -> (possible: Set<String>, certain: Set<String>) {
        let text = String(decoding: try TestData.bytes("README.md"), as: UTF8.self)
        let section = try #require(text.split(separator: "\n## HTTP\n").dropFirst().first)
        let rows = section.split(separator: "\n## ")[0].split(separator: "\n").filter { $0.hasPrefix("| ") }
        var (possible, certain): (Set<String>, Set<String>) = ([], [])
        for row in rows {
            let cells = row.split(separator: "|")
            try #require(cells.count >= 2, "\(row)")
            var folder = "/v1/api/"
            // What stands between backticks is every second piece.
            for (number, token) in cells[1...].joined(separator: "|").split(
                separator: "`", omittingEmptySubsequences: false
            ).enumerated() where number % 2 == 1 {
                let words = token.split(separator: " ")
                let method =
                    words.count == 2 && ["GET", "POST"].contains(words[0]) ? String(words[0]) : "POST"
                guard let path = words.last, words.count == 1 || words.count == 2 && words[0] == method,
                    path.allSatisfy({ $0.isLetter || $0.isNumber || "_/{}".contains($0) })
                else { continue }
                let whole =
                    path.hasPrefix("/") ? String(path) : (path.contains("/") ? "/v1/api/" : folder) + path
                folder = String(whole[...whole.lastIndex(of: "/")!])
                possible.insert(method + " " + whole)
                if path.contains("/") { certain.insert(method + " " + whole) }
                if cells[0].contains("also without `/v1/logs`"), whole.hasPrefix("/v1/logs/") {
                    possible.insert(method + " " + whole.dropFirst("/v1/logs".count))
                }
            }
        }
        return (possible, certain)
    }

    /// A route as the README writes it.
    private static func text(_ route: Route) -> String {
        let path = route.path.split(separator: "/").map { part in
            part.hasPrefix(":") ? "/{\(part.dropFirst())}" : "/" + part
        }
        return route.method.rawValue + " " + path.joined()
    }

    @Test("every route is in the README, and every path in its table is a route")
    func routes() async throws {
        let (possible, certain) = try Self.listed()
        try await serving { (client: Client) async throws in
            let routes = Set(APIServer.routes(client.store, publicURL: nil).map(Self.text))
            #expect(routes.subtracting(possible).sorted() == [], "not in the README")
            #expect(certain.subtracting(routes).sorted() == [], "in the README alone")
            #expect(certain.contains("GET /v1/logs/topic/{topic}/retention"), "the table is read")
        }
    }
}
