
use builtin;
use str;

set edit:completion:arg-completer[mtl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mtl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mtl'= {
            cand --color 'When to use color'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand serve 'Run the local Lambda'
            cand invoke 'Invoke a function, here or on AWS'
            cand metrics 'Show metrics per tenant, from here or from CloudWatch'
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mtl;serve'= {
            cand --host 'The address to listen on'
            cand --port 'The port to listen on; 0 is any free one [default: 7000, or a free one if it is taken]'
            cand --allow-host 'A further host name that may call, such as a container''s name for this machine'
            cand --invocation-endpoint 'The path of the plain route, as in Swift''s local server'
            cand --handler 'A handler of Python or Node.js in this folder, FILE.FUNCTION, in place of a program'
            cand --runtime 'The runtime of the handler, such as python3.12 or nodejs22.x [default: that of its file]'
            cand --attach 'Wait for N runtimes that you start, in a debugger or an IDE; the timeout is off unless given'
            cand --function-name 'Its name [default: function]'
            cand --region 'The Region in its ARN [default: that of the shell, or us-east-1]'
            cand --account-id 'The account in its ARN'
            cand --timeout 'How long one invocation may take, 1s to 900s [default: 3s]'
            cand --memory-size 'Its memory in MB, 128 to 10240; enforced only when given [default: 128]'
            cand --architecture 'Its instruction set, which is only reported [default: this machine''s]'
            cand --env 'A variable of its environment; repeatable, and stronger than --env-file'
            cand --env-file 'A file with one K=V per line, taken as it stands, as Docker does'
            cand --extension 'An external extension, started for each environment; repeatable [default: /opt/extensions/*]'
            cand --tenant-isolation-mode 'Whether every invocation names a tenant, or none does [default: the template''s, or the first]'
            cand --template 'A template of SAM, CloudFormation or CDK, whose functions and APIs are served'
            cand --parameter 'A parameter of the template; repeatable'
            cand --command 'What runs a function of the template, in a shell in the folder of its code; repeatable'
            cand --api-port 'The port of the REST API; 0 is any free one [default: 3000, if there is an API, or a free one if it is taken]'
            cand --tenant-from 'Where requests to the API name their tenant: querystring:NAME, header:NAME or path:NAME'
            cand --concurrency 'Concurrent executions of the account; environments are limited to 2.5 times that'
            cand --reserved-concurrency 'Concurrent executions reserved for the function; 0 throttles every invocation'
            cand --max-environments 'A lower ceiling of environments, for a small machine'
            cand --idle-timeout 'How long an environment may be idle'
            cand --max-lifetime 'How long an environment may live; it ends when it is free'
            cand --init-timeout 'How long the init phase may take'
            cand --maximum-retry-attempts 'How often an event is tried again after a function error, 0 to 2 [default: 2]'
            cand --maximum-event-age 'How old an event may become [default: 6h]'
            cand --retry-delay 'The wait before the first retry; it doubles'
            cand --on-success 'A folder or http URL for the records of events that succeeded'
            cand --on-failure 'A folder or http URL for the records of events that were given up'
            cand --log-format 'The format of the platform''s log lines [default: text, or that of the template]'
            cand --log-dir 'Also write one file per log stream into this folder'
            cand -o 'The format of stdout'
            cand --output 'The format of stdout'
            cand --watch 'Give new invocations new environments when a file changes there; repeatable [default: the code]'
            cand --build 'A command that builds the code, at the start and when something has changed'
            cand --run 'A command to run while mtl serves; mtl ends with it, with its exit code'
            cand --grace 'How long a stop waits for what is running'
            cand --color 'When to use color'
            cand --no-local-endpoints 'Don''t point the function''s own AWS SDK at mtl: its calls to Lambda go where the shell''s do'
            cand --inspect 'Start each environment''s handler under a debugger, on a port of its own; timeouts are off'
            cand --no-timeout 'Let invocations and inits take as long as they like, for debugging'
            cand --no-scaling-limit 'Lift the limit of 1,000 new environments per 10 s'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mtl;invoke'= {
            cand --tenant-id 'The tenant to invoke it for; can be repeated for a load'
            cand --tenant 'The tenant to invoke it for; can be repeated for a load'
            cand -p 'The event: text, `@FILE`, or `-` for standard input'
            cand --payload 'The event: text, `@FILE`, or `-` for standard input'
            cand -o 'What to print'
            cand --output 'What to print'
            cand --invocation-type 'Whether to wait for the answer'
            cand --client-context 'What the function learns of its caller: a JSON object as text or `@FILE`'
            cand --endpoint '`http://HOST:PORT` of the server, unless it is that of this folder'
            cand --header 'A header to send; can be repeated'
            cand -n 'How many invocations to make'
            cand --requests 'How many invocations to make'
            cand --duration 'For how long to start new invocations'
            cand -c 'How many invocations run at once [default: 10]'
            cand --connections 'How many invocations run at once [default: 10]'
            cand --rate 'How many invocations to start per second, however long the answers take'
            cand --tenants 'Invoke for N made-up tenants in turn'
            cand --tenants-file 'Invoke for the tenants in a file in turn, one per line'
            cand --environment-at 'Where the function''s answer tells its environment: a JSON pointer such as /pid'
            cand --region 'Region of the function'
            cand --profile 'Profile of the AWS configuration files'
            cand --qualifier 'Version or alias of the function'
            cand --retries 'How often the SDK tries again after a throttle [default: 0]'
            cand --color 'When to use color'
            cand --log 'Print the last 4 KB of the log to stderr'
            cand --stream 'Print the answer while it arrives'
            cand --check 'Invoke nothing; say what is wrong with the function''s set-up for tenants'
            cand --cold 'Ask for a new environment of the tenant, as only mtl can'
            cand --yes 'Don''t ask before a load on AWS (--remote), which costs money'
            cand --leak-check 'Give each tenant a secret, and look for it in the answers and logs of all others'
            cand --remote 'Invoke on AWS, which is never called without this'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mtl;metrics'= {
            cand --tenant 'The tenant to show; can be repeated'
            cand --tenant-id 'The tenant to show; can be repeated'
            cand --since 'How far back to look: 15m, 6h, 7d'
            cand --start-time 'The start of the window: RFC 3339, in UTC unless it names an offset'
            cand --end-time 'The end of the window [default: now]'
            cand --period 'How long a period is [default: one that fits the window]'
            cand --metric 'Show this metric instead of Lambda''s; can be repeated'
            cand --statistic 'A statistic of it: `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p50` and so on; can be repeated'
            cand --namespace 'The namespace of the metric'
            cand --dimension 'A dimension of the metric, in place of its tenant; can be repeated'
            cand --source 'Where the figures of tenants come from'
            cand --price 'A price in place of AWS''s: `request=USD`, `gb-second=USD`, `environment-gb=USD`; can be repeated'
            cand --sort 'The column to sort by, the greatest first'
            cand --watch 'Show the report again and again [default: every 2s]'
            cand -o 'What to print'
            cand --output 'What to print'
            cand --endpoint '`http://HOST:PORT` of the server, unless it is that of this folder'
            cand --region 'Region of the function'
            cand --profile 'Profile of the AWS configuration files'
            cand --color 'When to use color'
            cand --cost 'Show what the same traffic costs on AWS'
            cand --remote 'Ask CloudWatch on AWS, which charges for it'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mtl;completions'= {
            cand --color 'When to use color'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mtl;help'= {
            cand serve 'Run the local Lambda'
            cand invoke 'Invoke a function, here or on AWS'
            cand metrics 'Show metrics per tenant, from here or from CloudWatch'
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mtl;help;serve'= {
        }
        &'mtl;help;invoke'= {
        }
        &'mtl;help;metrics'= {
        }
        &'mtl;help;completions'= {
        }
        &'mtl;help;help'= {
        }
    ]
    $completions[$command]
}
