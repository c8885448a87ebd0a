// Carriers, routes and explanations as JSON (docs/routes.md): what a member may hold that openapi.json calls no more than an object.

/** A trunk to the world. What is left out when it is sent has its default. */
export interface Carrier {
    id: string;
    type: 'sip';
    name: string;
    on: boolean;
    centers: 'own' | 'all';
    hosts: string[];
    networks: string[];
    accounts: CarrierAccount[];
    numbers: IncomingNumber[];
    callers: CallerNumber[];
    capacity: number;
    calls_per_s: number;
    health: { options_every_s: number; off_after: number };
    group: string;
    priority: number;
    weight: number;
    currency: string;
    rates: Rate[];
    rated_only: boolean;
    failover: { next: number[]; silent_s: number };
    form?: NumberForm | null;
    rules_in: Rule[];
    send: 'plus' | 'digits' | 'national';
    rules_out: Rule[];
    identity: Identity;
    early_media: 'prefer' | 'pass' | 'ring';
    redirects_max: number;
    version: number;
}

/** A password goes in and never comes out. */
export interface CarrierAccount {
    username: string;
    password?: string | null;
    realm: string;
    register: boolean;
    expires_s: number;
    contact_user: string;
}

/** By its number, or by its id. */
export type SlotRef = string | { id: string };

export interface IncomingNumber {
    number: string;
    center?: string | null;
    to: SlotRef[];
    scenario: string;
    source: string;
    calls_max: number;
}

export interface CallerNumber {
    number: string;
    center?: string | null;
}

/** A price in minor units comes as text, and is taken as text or as a number. */
export interface Rate {
    prefix: string;
    per_minute: string | number;
    connect: string | number;
    first_s: number;
    step_s: number;
}

export interface Digits {
    min: number;
    max: number;
}

export interface NumberForm {
    country_code: string;
    trunk_prefix: string;
    international_prefix: string;
    national_digits: Digits;
}

export interface Rule {
    of: 'both' | 'called' | 'caller';
    starts: string;
    length?: Digits | null;
    strip: number;
    add: string;
}

export interface Identity {
    from: 'caller' | 'account';
    asserted: boolean;
    preferred: boolean;
    remote_party: boolean;
    privacy: 'refuse' | 'id' | 'anonymous';
    redirections: 'none' | 'diversion' | 'history_info';
    believe: boolean;
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export interface Calendar {
    zone: string;
    week: Partial<Record<Weekday, string[]>>;
    special: { date: string; name: string; hours: string[] }[];
}

export type CameBy = 'any' | 'slot' | { carriers: string[] };

export interface RouteMatch {
    from: string[];
    to: string[];
    length?: number | null;
    came_by: CameBy;
    when?: { calendar: Calendar; open: boolean } | null;
}

export type Outlet = { carrier: string } | { group: string };

/** What becomes of a call. */
export type Action =
    | { do: 'slots'; slots: SlotRef[]; ring_s: number }
    | { do: 'dialled_slot'; ring_s: number }
    | { do: 'carriers'; order: Outlet[]; least_cost: boolean }
    | { do: 'service'; number?: string | null }
    | { do: 'refuse'; cause: string }
    | { do: 'ask'; url: string; deadline_ms: number; default: Action };

export interface Route {
    id: string;
    name: string;
    position: number;
    on: boolean;
    match: RouteMatch;
    then: Action;
    scenario: string;
    source: string;
    rewrite: Rule[];
    version: number;
}

/** A call to be explained. */
export interface Inquiry {
    from?: string;
    to: string;
    came_by: 'slot' | { carrier: string };
    /** Milliseconds since 1970; none: now. */
    at?: number;
    /** Carriers that are taken for ones that do not answer. */
    down?: string[];
}

export type Origin = { route: string } | { number: string } | 'numbering';

export type Way =
    | { slots: { slots: string[]; ring_s: number } }
    | { carriers: Try[] }
    | { service: string }
    | { refuse: { cause: string; why: string } }
    | { ask: { url: string; deadline_ms: number; default: Way } };

export interface Try {
    carrier: string;
    name: string;
    to: string;
    caller: string;
    per_minute: string | null;
    currency: string;
}

export interface Explanation {
    from: string | null;
    to: string;
    kind: string;
    country: string | null;
    looked: { origin: Origin; name: string; miss: string | null }[];
    more: number;
    passed: string[];
    decision: { from: string | null; to: string; origin: Origin | null; scenario: string; source: string; way: Way };
    warnings: string[];
}
