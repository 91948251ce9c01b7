// Random numbers of tests, which come again.

import Bytes

package typealias SeededGenerator = SplitMix64
