// Who may read without credentials is a matter of this plugin.
module.exports = ({ env }) => ({ "users-permissions": { config: { jwtSecret: env("JWT_SECRET") } } });
