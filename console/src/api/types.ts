// The names under which the console knows what the server sends. What openapi.json describes comes from there; of a column that holds JSON
// it says no more than that, so those are described here, as are events and the two answers that are JSON as a whole.
import type { Calendar } from './plan';
import type { components } from './schema';

type Schemas = components['schemas'];

/** A row of a list, with all its columns: one that may not be seen is not there, whatever the type says. */
type Row<Name extends keyof Schemas, Json = object> = Omit<Required<Schemas[Name]>, keyof Json> & Json;

export type Account = Schemas['Account'];
export type Call = Schemas['Call'];
export type CallWithRecording = Schemas['CallWithRecording'];
export type CdrRecord = Schemas['CdrWithRecording'];
/** How a carrier is. Why a host does not answer is told in the server's words. */
export type CarrierStatus = Omit<Schemas['CarrierStatus'], 'hosts'> & { hosts?: (Schemas['CarrierHostStatus'] & { last_error?: string | null })[] | null };
export type Channel = Schemas['Channel'];
export type Limits = Schemas['Limits'];
export type PbxStatus = Omit<Schemas['PbxStatus'], 'carriers'> & { carriers: CarrierStatus[] };
export type Peaks = Schemas['PeaksAnswer'];
export type Recording = Schemas['Recording'];
export type ReloadDone = Schemas['ReloadDone'];
export type Segment = Schemas['Segment'];
export type Slot = Schemas['Slot'];
export type ChangedSlot = Schemas['ChangedSlot'];
/** By which number a slot calls the world. */
export type SlotCaller = Required<Schemas['CallerNumber']>;
export type SlotCounts = Schemas['SlotCounts'];
export type StartedCall = Schemas['StartedCall'];
export type SystemStatus = Schemas['SystemStatus'];
export type Ticket = Schemas['Ticket'];
export type Trunk = Schemas['Trunk'];
export type TrunkWithSlots = Schemas['TrunkWithSlots'];

export type Cause = NonNullable<Schemas['CdrRecord']['cause']>;
export type CallStatus = Call['status'];
export type CallOutcome = NonNullable<Call['outcome']>;
export type CallDirection = Call['direction'];
export type SlotState = Slot['state'];
export type SlotStatus = Slot['status'];
export type TrunkType = Trunk['type'];
/** Where a slot's phone is registered from. */
export type Registration = Row<'registrations'>;
export type RecordingState = Recording['state'];

export type Tokens = Schemas['Session'];
export type Providers = Schemas['Providers'];
export type LinkPurpose = 'invitation' | 'password_reset';
export type LinkInfo = Schemas['LinkInfo'];
export type IssuedLink = Schemas['Link'];
export type Me = Schemas['Me'];
export type MySession = Schemas['SessionAnswer'];
export type ApiToken = Schemas['TokenAnswer'];

/** Ids that narrow a right. */
export interface AccessList {
    resource: string;
    kind: string;
    ids: string[];
}

/** How much of a column is shown. */
export interface ColumnPolicy {
    resource: string;
    column: string;
    mode: 'show' | 'mask' | 'hide';
}

export interface GrantedPermission {
    permission: string;
    scope: string;
}

export type User = Row<'users', { roles: string[]; lists: AccessList[]; columns: ColumnPolicy[] }>;
export type UserState = User['state'];
export type Role = Row<'roles', { sets: string[]; lists: AccessList[]; columns: ColumnPolicy[]; permissions: GrantedPermission[] }>;
export type PermissionSet = Row<'permission_sets', { permissions: GrantedPermission[] }>;
export type OidcRule = Row<'oidc_role_map'>;
export type BulkBegun = Schemas['BulkBegun'];

/** What one may do. */
export interface MyPermissions {
    roles: string[];
    permissions: { permission: string; scopes: string[] }[];
    /** By the server's names. A list that takes no search says so; a server that says nothing takes one. */
    resources: Record<string, { columns: ColumnRight[]; searchable?: boolean }>;
}

/** All that can be permitted. */
export interface Catalogue {
    permissions: { permission: string; about: string; scopes: string[] }[];
    resources: { name: string; columns: { name: string; about: string; mask: string }[]; list_kinds: string[] }[];
}

/** Old and new value by column; null if they are withheld. */
export type Diff = Record<string, [unknown, unknown]> | null;

export type AuditEntry = Row<'audit_log', { diff: Diff }>;
export type LogEvent = Row<'events_log', { data: unknown }>;
export type Severity = LogEvent['severity'];

export type Job = Row<'jobs', { result: unknown }>;
export type JobState = Job['state'];
export type JobBegun = Schemas['JobBegun'];
export type Schedule = Row<'schedules', { payload: unknown }>;
export type Export = Row<'exports', { columns: string[]; filter: unknown }>;
export type ExportFormat = Export['format'];

export type Webhook = Row<'webhooks', { events: string[] }>;
/** A new one's secret is shown once. */
export type NewWebhook = Webhook & Schemas['WebhookSecret'];
export type WebhookTested = Schemas['TestedAnswer'];
export type Delivery = Row<'webhook_deliveries', { payload: unknown }>;
export type DeliveryState = Delivery['state'];

/** A source that is not heard. */
export type Ban = Required<Schemas['Ban']>;
export type SecurityStatus = Schemas['SecurityStatus'];

export type BudgetLimits = Schemas['BudgetLimits'];
export type BudgetLine = Required<Schemas['BudgetLine']>;
/** A budget, and how it stands. */
export interface Budget extends Omit<Required<Schemas['BudgetAnswer']>, 'kind' | 'lines' | 'outside'> {
    kind: 'slot' | 'trunk' | 'carrier' | 'center';
    lines: BudgetLine[];
    outside: { hours: Calendar; limits: BudgetLimits } | null;
}

export type Center = Row<'centers', { settings: { login?: { local?: boolean; oidc?: boolean } } }>;

export type Count = Schemas['Count'];
/** What a person may do with a column. */
export type ColumnRight = Omit<Schemas['ColumnAnswer'], 'mode'> & { mode: 'show' | 'mask' };

/** A page of a list. */
export interface Page<T> {
    items: T[];
    next: string | null;
    prev: string | null;
    count: Count | null;
    columns: ColumnRight[];
}

/** What is told all at once. */
export interface Items<T> {
    items: T[];
}

/** Something that happened, as Socket.IO brings it. */
export interface LiveEvent<T = unknown> {
    seq: number;
    ts: number;
    center: string;
    type: string;
    id: string;
    epoch: number;
    data: T | null;
}
