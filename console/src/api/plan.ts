// Carriers, routes and explanations (docs/routes.md), as they are read: with all their members, of which many may be left out when they are sent.
import type { components } from './schema';

type Schemas = components['schemas'];

/** All members but some, which may be left out in answers, too. */
type Whole<T, Optional extends keyof T = never> = Required<Omit<T, Optional>> & Pick<T, Optional>;

export type SlotRef = NonNullable<Schemas['CarrierNumber']['to']>[number];
/** A password goes in and never comes out. */
export type CarrierAccount = Whole<Schemas['CarrierAccount'], 'password'>;
export type IncomingNumber = Whole<Schemas['CarrierNumber'], 'center' | 'ring' | 'ring_s'>;
export type CallerNumber = Schemas['CarrierCaller'];
/** Prices are in minor units, as text. */
export type Rate = Required<Schemas['CarrierRate']>;
export type NumberForm = Required<Schemas['NumberForm']>;
export type Rule = Whole<Schemas['NumberRule'], 'length'>;
export type Identity = Required<Schemas['CarrierIdentity']>;

/** Something in the plan that somebody should do something about. */
export type PlanWarning = Schemas['PlanWarning'];

interface CarrierParts {
    accounts: CarrierAccount[];
    numbers: IncomingNumber[];
    rates: Rate[];
    /** None: a form that is being filled in holds null. */
    form?: NumberForm | null;
    rules_in: Rule[];
    rules_out: Rule[];
    identity: Identity;
    failover: Required<Schemas['CarrierFailover']>;
    health: Required<Schemas['CarrierHealth']>;
}

/** A trunk to the world. */
export type Carrier = Omit<Required<Schemas['CarrierAnswer']>, keyof CarrierParts | 'warnings'> & CarrierParts & { warnings?: PlanWarning[] };

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export interface Calendar extends Omit<Required<Schemas['Calendar']>, 'week' | 'special'> {
    week: Partial<Record<Weekday, string[]>>;
    special: Required<Schemas['SpecialDay']>[];
}

export type CameBy = NonNullable<Schemas['RouteMatch']['came_by']>;

export interface RouteMatch extends Required<Omit<Schemas['RouteMatch'], 'length' | 'when'>> {
    length?: number | null;
    when?: { calendar: Calendar; open: boolean } | null;
}

export type Outlet = Schemas['Outlet'];
/** What becomes of a call. */
export type Action = Schemas['RouteAction'];

interface RouteParts {
    match: RouteMatch;
    rewrite: Rule[];
}

export type Route = Omit<Whole<Schemas['RouteAnswer'], 'warnings' | 'created_at' | 'updated_at' | 'created_by'>, keyof RouteParts> & RouteParts;

/** A call to be explained. */
export type Inquiry = Schemas['Explain'];
/** With how the carriers stand now that the call would go by; that has no part in the decision. */
export type Explanation = Schemas['Explanation'] & { now?: { at: number; carriers: { carrier: string; standing: string | null }[] } | null };
export type Origin = NonNullable<Schemas['RouteDecision']['origin']>;
export type Way = Schemas['RouteWay'];
export type Try = Schemas['CarrierTry'];
