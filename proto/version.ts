// Versions of the protocol: every message says in its envelope which one it is written in. In: what two sides read. Out: what
// both do. Always true: a range is not empty.

export interface VersionRange {
  readonly oldest: number
  readonly newest: number
}

/** What this program reads, and may write. */
export const VERSIONS: VersionRange = { oldest: 1, newest: 1 }

/**
 * Beats and broadcasts are what two programs know each other by, so they are written in this one for ever and read whatever their
 * envelope says: their fields only ever grow, and what is said of a job stands in others.
 */
export const PRESENCE_VERSION = 1
export const ANY_VERSION: VersionRange = { oldest: 1, newest: 255 }

export const isWithin = (version: number, { oldest, newest }: VersionRange): boolean =>
  version >= oldest && version <= newest

/** The highest that both read; undefined where there is none. */
export const highestOfBoth = (one: VersionRange, other: VersionRange): number | undefined => {
  const highest = Math.min(one.newest, other.newest)
  return highest < Math.max(one.oldest, other.oldest) ? undefined : highest
}

/** `1`, or `3 to 4`. */
export const versionsText = ({ oldest, newest }: VersionRange): string =>
  oldest === newest ? `${oldest}` : `${oldest} to ${newest}`
