// What every component may use: the state, the connection, the client, the switch's time.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Client } from "../api/client";
import type { ServerClock } from "../state/clock";
import type { Connection, Link } from "../state/connection";
import type { State } from "../state/state";
import type { Store } from "../state/store";
import type { Ticker } from "../state/ticker";

export interface System {
  readonly client: Client;
  readonly store: Store;
  readonly connection: Connection;
  readonly clock: ServerClock;
  readonly ticker: Ticker;
}

export const SystemContext = createContext<System | null>(null);

export function useSystem(): System {
  const system = useContext(SystemContext);
  if (system === null) throw new Error("there is no system around this component");
  return system;
}

/** A part of the state. The part must be the same object as long as nothing in it has changed. */
export function useShown<T>(part: (state: State) => T): T {
  const { store } = useSystem();
  return useSyncExternalStore(store.subscribe, () => part(store.shown()));
}

export function useLink(): Link {
  const { connection } = useSystem();
  return useSyncExternalStore(connection.subscribe, connection.link);
}

/** The switch's time, new each second. */
export function useNow(): number {
  const { ticker } = useSystem();
  return useSyncExternalStore(ticker.subscribe, ticker.now);
}
