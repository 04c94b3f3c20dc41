// What was decided for a job and why: where it runs, with how many workers, in what pieces. In: decisions with their figures,
// as they are made. Out: all of them, in order, for the receipt and `explain`; nothing is decided here.

/** One decision, or the revision of one. Times are seconds since the job's start. */
export interface Decision {
  readonly at_seconds: number
  /** What was decided, in a sentence that can stand alone. */
  readonly decision: string
  /** What it was decided with; units end the names, as in `item_seconds`. */
  readonly figures: Readonly<Record<string, number>>
}

/** A job that changes its mind for ever is cut here: the first decisions say most. */
const MOST_DECISIONS = 100

export class Decisions {
  readonly #all: Decision[] = []

  add(atSeconds: number, decision: string, figures: Readonly<Record<string, number>> = {}): void {
    if (this.#all.length < MOST_DECISIONS) this.#all.push({ at_seconds: atSeconds, decision, figures })
  }

  get all(): readonly Decision[] {
    return this.#all
  }
}
