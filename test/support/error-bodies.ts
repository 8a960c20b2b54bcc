/**
 * Ordinary error bodies, in the shapes that servers and frameworks give them, with the texts that must survive: those of
 * `error`, `code`, `message`, `title` and `detail`, and of bodies that are no JSON all of it.
 */

export interface ErrorBody {
  readonly what: string
  readonly body: string
  readonly texts: readonly string[]
}

const json = (what: string, value: unknown, ...texts: string[]): ErrorBody => ({
  what,
  body: JSON.stringify(value),
  texts,
})

const text = (what: string, body: string): ErrorBody => ({ what, body, texts: [body] })

export const ERROR_BODIES: readonly ErrorBody[] = [
  json(
    'Stripe, a card',
    {
      error: {
        code: 'card_declined',
        decline_code: 'insufficient_funds',
        doc_url: 'https://stripe.com/docs/error-codes/card-declined',
        message: 'Your card has insufficient funds.',
        param: '',
        type: 'card_error',
      },
    },
    'card_declined',
    'Your card has insufficient funds.',
  ),
  json(
    'Stripe, a parameter',
    {
      error: {
        code: 'parameter_missing',
        message: 'Missing required param: amount.',
        param: 'amount',
        type: 'invalid_request_error',
      },
    },
    'parameter_missing',
    'Missing required param: amount.',
  ),
  json(
    'Stripe, idempotency',
    {
      error: {
        message:
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        type: 'idempotency_error',
      },
    },
    'Keys for idempotent requests can only be used with the same parameters they were first used with.',
  ),
  json(
    'GitHub, validation',
    {
      message: 'Validation Failed',
      errors: [{ resource: 'Issue', field: 'title', code: 'missing_field' }],
      documentation_url: 'https://docs.github.com/rest/issues/issues#create-an-issue',
      status: '422',
    },
    'Validation Failed',
    'missing_field',
  ),
  json(
    'GitHub, credentials',
    {
      message: 'Bad credentials',
      documentation_url: 'https://docs.github.com/rest',
      status: '401',
    },
    'Bad credentials',
  ),
  json(
    'GitHub, rate limit',
    {
      message:
        'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    },
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
  ),
  json(
    'GitLab',
    { message: { base: ['Branch is already taken'] }, error: 'Validation failed' },
    'Validation failed',
  ),
  json(
    'GitLab, a token',
    { error: 'invalid_token', error_description: 'Token was revoked.' },
    'invalid_token',
  ),
  json(
    'Google APIs',
    {
      error: {
        code: 403,
        message: 'The caller does not have permission',
        errors: [
          { message: 'The caller does not have permission', domain: 'global', reason: 'forbidden' },
        ],
        status: 'PERMISSION_DENIED',
      },
    },
    '403',
    'The caller does not have permission',
  ),
  json(
    'Google APIs, details',
    {
      error: {
        code: 400,
        message: 'Invalid value at \'parent\' (type.googleapis.com/google.protobuf.Value), "x"',
        status: 'INVALID_ARGUMENT',
        details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest' }],
      },
    },
    '400',
    'Invalid value at \'parent\' (type.googleapis.com/google.protobuf.Value), "x"',
  ),
  json(
    'Google sign-in',
    { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
    'invalid_grant',
  ),
  json(
    'Firebase',
    {
      error: {
        code: 400,
        message: 'TOKEN_EXPIRED',
        errors: [{ message: 'TOKEN_EXPIRED', reason: 'invalid' }],
      },
    },
    'TOKEN_EXPIRED',
  ),
  json(
    'AWS, JSON',
    {
      __type: 'com.amazonaws.dynamodb#ConditionalCheckFailedException',
      message: 'The conditional request failed',
    },
    'The conditional request failed',
  ),
  json(
    'AWS, a signature',
    { message: 'The request signature we calculated does not match the signature you provided.' },
    'The request signature we calculated does not match the signature you provided.',
  ),
  json(
    'AWS API Gateway',
    { message: 'Missing Authentication Token' },
    'Missing Authentication Token',
  ),
  json(
    'AWS API Gateway, forbidden',
    { Message: 'User is not authorized to access this resource' },
    'User is not authorized to access this resource',
  ),
  {
    what: 'AWS S3, XML',
    body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
    texts: ['<Code>AccessDenied</Code>', '<Message>Access Denied</Message>'],
  },
  {
    what: 'AWS S3, XML, an expired token',
    body: '<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>',
    texts: ['<Code>ExpiredToken</Code>', 'The provided token has expired.'],
  },
  json(
    'Azure',
    {
      error: {
        code: 'ResourceNotFound',
        message: 'The Resource was not found.',
        details: [{ code: 'NotFound', message: 'No such group' }],
      },
    },
    'ResourceNotFound',
    'The Resource was not found.',
    'No such group',
  ),
  json(
    'Microsoft Graph',
    {
      error: {
        code: 'InvalidAuthenticationToken',
        message: 'Access token has expired or is not yet valid.',
        innerError: { date: '2026-11-28T10:00:00', 'request-id': 'none' },
      },
    },
    'InvalidAuthenticationToken',
    'Access token has expired or is not yet valid.',
  ),
  json(
    'RFC 9457',
    {
      type: 'https://example.com/probs/out-of-credit',
      title: 'You do not have enough credit.',
      status: 403,
      detail: 'Your current balance is 30, but that costs 50.',
      instance: '/account/msgs/abc',
    },
    'You do not have enough credit.',
    'Your current balance is 30, but that costs 50.',
  ),
  json(
    'RFC 9457, errors',
    {
      title: 'Your request is not valid.',
      errors: [{ detail: 'must be a positive integer', pointer: '#/age' }],
    },
    'Your request is not valid.',
    'must be a positive integer',
  ),
  json('Rails', { status: 404, error: 'Not Found' }, 'Not Found'),
  json(
    'Rails, messages',
    { errors: ["Title can't be blank", 'Body is too short'] },
    "Title can't be blank",
    'Body is too short',
  ),
  json(
    'Devise',
    { error: 'You need to sign in or sign up before continuing.' },
    'You need to sign in or sign up before continuing.',
  ),
  json(
    'Laravel',
    {
      message: 'The given data was invalid.',
      errors: { email: ['The email has already been taken.'] },
    },
    'The given data was invalid.',
  ),
  json(
    'Laravel, CSRF',
    { message: 'CSRF token mismatch.', exception: 'HttpException' },
    'CSRF token mismatch.',
  ),
  json('Laravel, sign-in', { message: 'Unauthenticated.' }, 'Unauthenticated.'),
  json(
    'Symfony',
    { title: 'An error occurred', status: 400, detail: 'Bad Request' },
    'An error occurred',
    'Bad Request',
  ),
  json(
    'Django REST',
    { detail: 'Authentication credentials were not provided.' },
    'Authentication credentials were not provided.',
  ),
  json(
    'Django REST, simple JWT',
    {
      detail: 'Given token not valid for any token type',
      code: 'token_not_valid',
      messages: [{ token_class: 'AccessToken', message: 'Token is invalid or expired' }],
    },
    'Given token not valid for any token type',
    'token_not_valid',
  ),
  json('FastAPI', {
    detail: [{ loc: ['body', 'age'], msg: 'field required', type: 'value_error.missing' }],
  }),
  json(
    'FastAPI, a text',
    { detail: 'Could not validate credentials' },
    'Could not validate credentials',
  ),
  json(
    'Flask',
    {
      code: 405,
      name: 'Method Not Allowed',
      message: 'The method is not allowed for the requested URL.',
    },
    '405',
    'The method is not allowed for the requested URL.',
  ),
  json(
    'Spring',
    {
      timestamp: '2026-11-28T10:00:00.000+00:00',
      status: 415,
      error: 'Unsupported Media Type',
      message: "Content-Type 'text/plain' is not supported",
      path: '/notes',
    },
    'Unsupported Media Type',
    "Content-Type 'text/plain' is not supported",
  ),
  json(
    'Spring Security',
    {
      error: 'invalid_token',
      error_description: 'An error occurred while attempting to decode the Jwt',
    },
    'invalid_token',
  ),
  json(
    'Quarkus',
    {
      title: 'Constraint Violation',
      status: 400,
      violations: [{ field: 'title', message: 'must not be blank' }],
    },
    'Constraint Violation',
  ),
  json(
    'ASP.NET',
    {
      type: 'https://tools.ietf.org/html/rfc9110#section-15.5.1',
      title: 'One or more validation errors occurred.',
      status: 400,
      errors: { Name: ['The Name field is required.'] },
    },
    'One or more validation errors occurred.',
  ),
  json(
    'ASP.NET Identity',
    [{ code: 'DuplicateUserName', description: 'User name is already taken.' }],
    'DuplicateUserName',
  ),
  json(
    'GraphQL',
    {
      errors: [
        {
          message: 'Cannot query field "nope" on type "Query".',
          locations: [{ line: 1, column: 3 }],
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ],
    },
    'Cannot query field "nope" on type "Query".',
    'GRAPHQL_VALIDATION_FAILED',
  ),
  json(
    'Apollo, sign-in',
    {
      errors: [{ message: 'You must be signed in.', extensions: { code: 'UNAUTHENTICATED' } }],
      data: null,
    },
    'You must be signed in.',
    'UNAUTHENTICATED',
  ),
  json(
    'JSON:API',
    {
      errors: [
        {
          status: '422',
          code: 'blank',
          title: 'Invalid Attribute',
          detail: 'Title must not be blank.',
          source: { pointer: '/data/attributes/title' },
        },
      ],
    },
    'blank',
    'Invalid Attribute',
    'Title must not be blank.',
  ),
  json(
    'JSON-RPC',
    { jsonrpc: '2.0', error: { code: -32_601, message: 'Method not found' }, id: '1' },
    '-32601',
    'Method not found',
  ),
  json('gRPC gateway', { code: 5, message: 'note not found', details: [] }, '5', 'note not found'),
  json('Express', { error: 'request entity too large' }, 'request entity too large'),
  json(
    'NestJS',
    {
      statusCode: 400,
      message: ['title must be a string', 'title should not be empty'],
      error: 'Bad Request',
    },
    'title must be a string',
    'title should not be empty',
    'Bad Request',
  ),
  json(
    'Fastify',
    {
      statusCode: 400,
      code: 'FST_ERR_VALIDATION',
      error: 'Bad Request',
      message: "body must have required property 'title'",
    },
    'FST_ERR_VALIDATION',
    "body must have required property 'title'",
  ),
  json(
    'hapi',
    { statusCode: 400, error: 'Bad Request', message: 'Invalid request payload input' },
    'Invalid request payload input',
  ),
  json('Phoenix', { errors: { detail: 'Internal Server Error' } }, 'Internal Server Error'),
  json(
    'Gin',
    { error: "Key: 'Note.Title' Error:Field validation for 'Title' failed on the 'required' tag" },
    "Key: 'Note.Title' Error:Field validation for 'Title' failed on the 'required' tag",
  ),
  json(
    'Auth0',
    {
      statusCode: 401,
      error: 'Unauthorized',
      message: 'Expired token received for JSON Web Token validation',
    },
    'Expired token received for JSON Web Token validation',
  ),
  json(
    'Auth0, OAuth',
    { error: 'access_denied', error_description: 'Wrong email or password.' },
    'access_denied',
  ),
  json(
    'Okta',
    { errorCode: 'none', error: 'invalid_client', message: 'Invalid token: expired' },
    'invalid_client',
    'Invalid token: expired',
  ),
  json(
    'Keycloak',
    { error: 'invalid_grant', error_description: 'Session not active' },
    'invalid_grant',
  ),
  json(
    'Twilio',
    { code: 21_211, message: "The 'To' number is not a valid phone number.", status: 400 },
    '21211',
    "The 'To' number is not a valid phone number.",
  ),
  json('Slack', { ok: false, error: 'token_revoked' }, 'token_revoked'),
  json('Shopify', { errors: 'Not Found', error: 'Not Found' }, 'Not Found'),
  json(
    'Salesforce',
    [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }],
    'Session expired or invalid',
  ),
  json(
    'OneSignal',
    { errors: [{ code: 'jwt-invalid', title: 'The JWT is invalid' }] },
    'jwt-invalid',
    'The JWT is invalid',
  ),
  json('OneSignal, texts', { errors: ['app_id not found'] }, 'app_id not found'),
  json(
    'Postgres over PostgREST',
    {
      code: 'PGRST',
      details: null,
      hint: null,
      message: 'duplicate key value violates unique constraint "notes_title_key"',
    },
    'duplicate key value violates unique constraint "notes_title_key"',
  ),
  json(
    'Supabase',
    {
      code: 'bad_jwt',
      error_code: 'bad_jwt',
      message: 'invalid JWT: unable to parse or verify signature, token is expired',
    },
    'bad_jwt',
    'invalid JWT: unable to parse or verify signature, token is expired',
  ),
  json(
    'JSON that was not read',
    { message: 'Unexpected token \'<\', "<!DOCTYPE "... is not valid JSON' },
    'Unexpected token \'<\', "<!DOCTYPE "... is not valid JSON',
  ),
  json(
    'a password rule',
    { code: 'weak_password', message: 'Password must have at least 8 characters and a digit' },
    'weak_password',
    'Password must have at least 8 characters and a digit',
  ),
  json(
    'a scheme',
    { message: "Authorization header must be 'Bearer <token>'" },
    "Authorization header must be 'Bearer <token>'",
  ),
  text('nginx, text', '404 page not found'),
  text('Go net/http', 'http: request body too large'),
  text(
    'a gateway',
    'upstream connect error or disconnect/reset before headers. reset reason: connection failure',
  ),
  text('Cloudflare, text', 'error code: 1020'),
  text('Varnish', 'Error 503 Backend fetch failed'),
  text('Tomcat, text', 'HTTP Status 400 - Bad Request'),
  {
    what: 'nginx, HTML',
    body: '<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too Large</h1></center>',
    texts: ['<title>413 Request Entity Too Large</title>'],
  },
  text(
    'WWW-Authenticate',
    'Bearer error="invalid_token", error_description="The access token expired"',
  ),
]
