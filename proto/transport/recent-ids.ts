// The ids stored lately, so that a repeated publish is stored once.
// Always true: the newest REMEMBERED ids are known; never more than twice as many are held.

/** Smaller forgets a repeat sooner, larger costs about 100 bytes an id. NATS remembers two minutes' worth. */
const REMEMBERED = 50_000

export class RecentIds {
  #newer = new Set<string>()
  #older = new Set<string>()

  /** Whether the id is new; it is known from now on. */
  add(id: string): boolean {
    if (this.#newer.has(id) || this.#older.has(id)) return false
    this.#newer.add(id)
    if (this.#newer.size >= REMEMBERED) {
      this.#older = this.#newer
      this.#newer = new Set()
    }
    return true
  }
}
