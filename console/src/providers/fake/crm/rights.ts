// What can be permitted of leads and clients, and to whom the roles that come with the program give it.
const ROWS = ['own', 'team', 'group', 'center', 'all'];
const CENTER = ['center', 'all'];

export const CRM_PERMISSIONS: [string, string[]][] = [
    ...['read', 'create', 'update', 'delete', 'export'].map((verb): [string, string[]] => [`leads.${verb}`, ROWS]),
    ['leads.hand_over', ROWS],
    ['leads.reopen', CENTER],
    ...['read', 'create', 'update', 'delete', 'export'].map((verb): [string, string[]] => [`clients.${verb}`, ROWS]),
    ...['read', 'create', 'update', 'delete'].map((verb): [string, string[]] => [`notes.${verb}`, ROWS]),
];

export const CRM_GRANTS: Record<string, string> = {
    supervisor: 'leads.read@center leads.export@center leads.reopen@center clients.read@center clients.export@center notes.read@center',
    operator: 'leads.read@own leads.update@own leads.hand_over@own clients.read@center clients.create@center clients.update@center notes.read@own notes.create@own',
    seller: 'leads.read@own leads.create@own leads.update@own leads.delete@own clients.read@own clients.update@own notes.read@own notes.create@own notes.update@own',
};
