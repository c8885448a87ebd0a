// What can be permitted of leads and clients, and to whom the roles that come with the program give it.
const ROWS = ['own', 'team', 'group', 'center', 'all'];
const CENTER = ['center', 'all'];

export const CRM_PERMISSIONS: [string, string[]][] = [
    ...['read', 'create', 'update', 'delete', 'export'].map((verb): [string, string[]] => [`leads.${verb}`, ROWS]),
    ['leads.reopen', CENTER],
];

export const CRM_GRANTS: Record<string, string> = {
    supervisor: 'leads.read@center leads.export@center leads.reopen@center',
    operator: 'leads.read@own leads.update@own',
    seller: 'leads.read@own leads.create@own leads.update@own leads.delete@own',
};
